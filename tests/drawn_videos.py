"""Small videos of many kinds; eight bars in each frame show its number."""

import fractions

import av
import numpy as np

FRAMES = 40
PIXELS = 4096 * 4096


def picture(number, size, top=0):
    """A grey frame, its number in binary as eight bars from the left below ``top`` white lines."""
    image = np.full((*size, 3), 40, np.uint8)
    step = size[1] // 8
    for bit in range(8):
        image[:, bit * step : (bit + 1) * step] = 220 if number >> bit & 1 else 40
    image[:top] = 220
    return image


def number_of(image):
    bars = np.array_split(image[4:-4, : image.shape[1] // 8 * 8, 1].mean(0), 8)
    return sum(1 << bit for bit, bar in enumerate(bars) if bar.mean() > 130)


def write(
    path,
    frames=FRAMES,
    *,
    codec='libx264',
    size=(48, 64),
    pixels='yuv420p',
    steps=None,
    sound=False,
    muxer=None,
    top=0,
    **options,
):
    with av.open(str(path), 'w', options=muxer or {}) as file:
        stream = file.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = *size, pixels
        stream.options = {'threads': '1', **options} if codec == 'libx264' else options
        audio = file.add_stream('aac', rate=8000) if sound else None
        time = 0
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number, size, top), format='rgb24')
            frame.pts, frame.time_base = time, fractions.Fraction(1, 25)
            time += steps[number % len(steps)] if steps else 1
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
        if audio:
            silence = np.zeros((1, 1024), np.float32)
            for _ in range(12):
                block = av.AudioFrame.from_ndarray(silence, format='fltp', layout='mono')
                block.rate = 8000
                file.mux(audio.encode(block))
            file.mux(audio.encode())
    return path


def x264(**params):
    return {'x264-params': ':'.join(f'{key}={value}' for key, value in params.items())}


KINDS = {
    'one GOP': ('a.mp4', x264(keyint=250)),
    'GOP of 12': ('a.mp4', x264(keyint=12, scenecut=0)),
    'B frames': ('a.mp4', x264(keyint=250, bframes=4)),
    'open GOP': ('a.mkv', x264(keyint=12, bframes=3, open_gop=1)),
    'no B frames': ('a.mp4', x264(keyint=250, bframes=0)),
    'varying rate': ('a.mp4', dict(steps=(1, 3, 2), **x264(bframes=3))),
    'varying rate, mkv': ('a.mkv', dict(steps=(1, 3, 2), **x264(bframes=3))),
    'faststart': ('a.mp4', dict(muxer={'movflags': 'faststart'})),
    'fragmented': ('a.mp4', dict(muxer={'movflags': 'frag_keyframe+empty_moov'})),
    'with sound': ('a.mp4', dict(sound=True)),
    'transport stream': ('a.ts', x264(keyint=12, bframes=2)),
    'camcorder': ('a.MTS', dict(muxer={'mpegts_m2ts_mode': '1'}, **x264(keyint=12, bframes=2))),
    'odd size': ('a.mp4', dict(size=(49, 67), pixels='yuv444p')),
    'ten bits': ('a.mp4', dict(pixels='yuv420p10le')),
    'grey': ('a.mp4', dict(pixels='gray')),
    'MPEG-4 in AVI': ('a.avi', dict(codec='mpeg4')),
    'MPEG-4 with B frames': ('a.mp4', dict(codec='mpeg4', bf='2')),
    'motion JPEG': ('a.avi', dict(codec='mjpeg', pixels='yuvj420p')),
    'FLV': ('a.flv', {}),
    'MPEG-1': ('a.mpg', dict(codec='mpeg1video')),
    'DVD': ('a.vob', dict(codec='mpeg2video')),
    'QuickTime': ('a.mov', {}),
    '3GPP2': ('a.3g2', {}),
    'F4V': ('a.f4v', {}),
}


def cut(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


CUTTABLE = {
    'a.mp4': dict(muxer={'movflags': 'faststart'}),
    'a.avi': dict(codec='mpeg4'),
    'a.mkv': {},
    'a.ts': {},
    'a.flv': {},
    'a.mpg': dict(codec='mpeg1video'),
}


def damage_frame_2(path):
    content = bytearray(path.read_bytes())
    # The first one stands in the index.
    third = [at for at in range(len(content)) if content[at : at + 4] == b'00dc'][3]
    size = int.from_bytes(content[third + 4 : third + 8], 'little')
    content[third + 8 : third + 8 + size] = bytes(size)
    path.write_bytes(content)
