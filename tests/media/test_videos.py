"""The frames of videos of many kinds."""

import os
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from clip_files import set_matrix
from drawn_videos import (
    CUTTABLE,
    FRAMES,
    KINDS,
    PIXELS,
    cut,
    damage_frame_2,
    number_of,
    write,
    x264,
)
from lengths import LONG
from mmaction.registry import TRANSFORMS
from torch.utils.data import DataLoader

from dferclip_mm.datasets.clip_finder import ClipFinder
from dferclip_mm.media.errors import ClipReadError
from dferclip_mm.media.spans import format_span, split_span
from dferclip_mm.media.timed_frames import read_timed_frames
from dferclip_mm.media.videos import Video
from dferclip_mm.precompute.source_clips import find_clip_name


def read_numbers(path, indices, span=None):
    video = Video(str(path), PIXELS, span)
    found = [number_of(video.read(index)) for index in indices or range(len(video))]
    video.close()
    return found


@pytest.mark.parametrize('kind', KINDS)
def test_frames_of_every_kind_of_video_are_read_by_number_time_and_part(tmp_path, kind):
    name, options = KINDS[kind]
    path = write(tmp_path / name, **options)
    assert read_numbers(path, None) == [*range(FRAMES)]
    for indices in ([0], [FRAMES - 1], [3, 11, 12, 13, 36]):
        assert read_numbers(path, indices) == indices
    timed = [*read_timed_frames(str(path))]
    assert [(each.number, number_of(each.image)) for each in timed] == [
        (number, number) for number in range(FRAMES)
    ]
    steps = options.get('steps', (1,))
    times = np.cumsum([0, *steps * FRAMES])[:FRAMES] / 25
    # Matroska and FLV count in milliseconds.
    np.testing.assert_allclose([each.time for each in timed], times, atol=0.001)
    # Not every container finds a keyframe near the end.
    for start, end in ((0, 0.2), (0.16, 0.6), (1.0, 9.0), (1.36, 9.0)):
        inside = np.flatnonzero((times > start - 0.002) & (times < end - 0.002)).tolist()
        assert read_numbers(path, None, (start, end)) == inside
        assert read_numbers(path, [1, len(inside) - 1], (start, end)) == [inside[1], inside[-1]]


def test_the_times_of_a_part_are_in_the_path_and_without_frames_it_is_refused(tmp_path):
    path = str(write(tmp_path / 'a#b.mp4'))
    assert split_span(path + format_span(1.5, 12)) == (path, (1.5, 12.0))
    assert split_span(path) == (path, None)
    with pytest.raises(ValueError, match='expected frames from 7 to 8 seconds, found none'):
        Video(path, PIXELS, (7, 8))


def test_a_part_of_a_video_is_passed_on_by_its_times(tmp_path):
    path = write(tmp_path / 'a.mp4', steps=(1, 3, 2), **x264(bframes=3))
    frames = list(read_timed_frames(str(path), start=0.16, end=0.32))
    assert [(frame.number, number_of(frame.image)) for frame in frames] == [(2, 2), (3, 3), (4, 4)]
    np.testing.assert_allclose([frame.time for frame in frames], [0.16, 0.24, 0.28])


@pytest.mark.parametrize('suffix', ['.MTS', '.m2ts', '.qt', '.vob', '.divx', '.f4v', '.3g2'])
def test_a_list_may_leave_out_the_suffix_of_any_video(tmp_path, suffix):
    (tmp_path / f'a.b{suffix}').touch()
    assert ClipFinder(str(tmp_path)).find('a.b') == str(tmp_path / f'a.b{suffix}')
    assert find_clip_name(str(tmp_path / f'a.b{suffix}'), [tmp_path]) == 'a.b'


def test_unreferenced_frames_between_requested_ones_are_not_decoded(tmp_path):
    path = write(tmp_path / 'a.mp4', **x264(keyint=250, bframes=4, b_adapt=0, b_pyramid=0))
    video = Video(str(path), PIXELS)
    decoded = []
    video._frames = (decoded.append(frame) or frame for frame in video._frames)
    assert [number_of(video.read(index)) for index in (1, 38)] == [1, 38]
    # Of five pictures four are B frames here.
    assert len(decoded) < FRAMES / 2


def test_frames_are_counted_where_packet_times_are_wrong(tmp_path):
    path, other = write(tmp_path / 'a.mp4', **x264(keyint=250, bframes=0)), tmp_path / 'b.mkv'
    with av.open(str(path)) as source, av.open(str(other), 'w') as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        packets = [packet for packet in source.demux(source.streams.video[0]) if packet.size]
        times = [packet.pts for packet in packets]
        times[10], times[11] = times[11], times[10]
        for packet, time in zip(packets, times, strict=True):
            # No picture may be shown before it is decoded.
            packet.pts, packet.stream = time + times[1], stream
            target.mux(packet)
    for indices in ([*range(FRAMES)], [10], [3, 11, 12], [30]):
        assert read_numbers(other, indices) == indices


@pytest.mark.parametrize('bframes', [0, 2])
def test_frames_hidden_by_an_edit_list_do_not_count(tmp_path, bframes):
    """As `ffmpeg -ss 0.6 -c copy` cuts: from the key frame before, which is not shown."""
    options = x264(keyint=12, scenecut=0, bframes=bframes)
    path, other = write(tmp_path / 'a.mp4', **options), tmp_path / 'b.mp4'
    with av.open(str(path)) as source, av.open(str(other), 'w') as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size and packet.pts >= 12 * packet.duration:
                packet.pts, packet.dts = (
                    time - 15 * packet.duration for time in (packet.pts, packet.dts)
                )
                packet.stream = stream
                target.mux(packet)
    assert read_numbers(other, None) == [*range(15, FRAMES)]
    for indices in ([0, 5], [24]):
        assert read_numbers(other, indices) == [n + 15 for n in indices]


def test_frames_are_read_in_rising_order_within_the_video(tmp_path):
    video = Video(str(write(tmp_path / 'a.mp4')), PIXELS)
    video.read(5)
    for index in (5, 2, FRAMES):
        with pytest.raises(ValueError, match=f'expected frames from 6 to 39, found frame {index}'):
            video.read(index)


# What each display matrix makes of the stored frame.
MATRICES = {
    (1, 0, 0, 1): lambda frame: frame,
    (0, 1, -1, 0): lambda frame: np.rot90(frame, 3),
    (-1, 0, 0, -1): lambda frame: np.rot90(frame, 2),
    (0, -1, 1, 0): np.rot90,
    (-1, 0, 0, 1): np.fliplr,
    (1, 0, 0, -1): np.flipud,
    (0, 1, 1, 0): lambda frame: frame.transpose(1, 0, 2),
    (0, -1, -1, 0): lambda frame: np.rot90(frame, 2).transpose(1, 0, 2),
}


@pytest.mark.parametrize('matrix', MATRICES)
def test_a_video_is_shown_by_its_display_matrix(tmp_path, matrix):
    path = write(tmp_path / 'a.mp4', top=16)
    stored = Video(str(path), PIXELS).read(6)
    set_matrix(path, *matrix)
    shown = Video(str(path), PIXELS).read(6)
    np.testing.assert_array_equal(shown, MATRICES[matrix](stored))
    timed = [frame.image for frame in read_timed_frames(str(path))]
    np.testing.assert_array_equal(timed[6], shown)


@pytest.mark.parametrize('matrix', [(0.75, 0.5, -0.5, 0.75), (1, 0.5, 0, 1), (2, 0, 0, 1)])
def test_a_display_matrix_that_is_no_turn_or_flip_is_refused(tmp_path, matrix):
    path = write(tmp_path / 'a.mp4')
    set_matrix(path, *matrix)
    shown = ' '.join(f'{value:g}' for value in matrix)
    with pytest.raises(ValueError, match=f'found the display matrix {shown}: re-encode'):
        Video(str(path), PIXELS).read(0)


@pytest.mark.parametrize('name', CUTTABLE)
@pytest.mark.parametrize('share', [0.97, 0.9, 0.7, 0.5, 0.3] if LONG else [0.9, 0.5])
def test_a_cut_video_gives_no_frame_twice(tmp_path, name, share):
    path = cut(write(tmp_path / name, **CUTTABLE[name]), share)
    try:
        video = Video(str(path), PIXELS)
    except ValueError:
        return
    found = [number_of(video.read(index)) for index in range(len(video))]
    # Where B frames' references went with the rest, a few frames before the end are missing too.
    assert (np.diff(found) > 0).all()
    assert len(found) < FRAMES or share == 0.97
    assert share > 0.7 or name not in ('a.mp4', 'a.avi', 'a.mkv', 'a.flv')


@pytest.mark.parametrize('name', [*CUTTABLE][:3])
def test_the_frames_of_a_cut_video_come_before_its_error(tmp_path, name):
    path = cut(write(tmp_path / name, frames=400, **CUTTABLE[name]), 0.7)
    found = []
    with pytest.raises(
        ValueError, match=r'its header declares 16\.0 seconds|does not decode|is damaged'
    ):
        found.extend(read_timed_frames(str(path), end=15))
    assert 20 < len(found) < 380
    assert [number_of(frame.image) for frame in found] == [n % 256 for n in range(len(found))]


def test_a_damaged_frame_is_refused(tmp_path):
    path = write(tmp_path / 'a.avi', codec='mjpeg', pixels='yuvj420p')
    damage_frame_2(path)
    frames = read_timed_frames(str(path))
    assert [next(frames).number, next(frames).number] == [0, 1]
    with pytest.raises(ValueError, match='frame 2 does not decode'):
        next(frames)
    results = TRANSFORMS.build(dict(type='ClipInit')).transform(dict(filename=str(path)))
    results['frame_inds'] = np.arange(results['total_frames'])
    with pytest.raises(ClipReadError, match=r'a.avi: frame 2 does not decode'):
        TRANSFORMS.build(dict(type='ClipDecode')).transform(results)


@pytest.mark.parametrize('text', ['#EXTM3U\n#EXTINF:1,\n{}\n', "ffconcat version 1.0\nfile '{}'\n"])
def test_ffmpeg_follows_no_playlist(tmp_path, monkeypatch, text):
    monkeypatch.setattr('dferclip_mm.media.video_files.is_video', lambda head: True)
    path = tmp_path / 'b.mp4'
    path.write_text(text.format(write(tmp_path / 'a.mp4')))
    with pytest.raises(ValueError, match='one that does not open'):
        Video(str(path), PIXELS)


def test_a_frame_larger_than_the_container_declares_is_refused(tmp_path):
    path = write(tmp_path / 'a.mkv', codec='mjpeg', pixels='yuvj420p')
    content = path.read_bytes()
    width = content.index(b'\xb0\x81\x40')
    path.write_bytes(content[:width] + b'\xb0\x81\x08' + content[width + 3 :])
    with pytest.raises(ValueError, match=r'at most 1000 pixels|without frames'):
        Video(str(path), 1000)


@pytest.mark.skipif(sys.platform != 'linux', reason='reads /proc')
def test_workers_that_fork_neither_hang_nor_grow(tmp_path):
    path = str(write(tmp_path / 'a.mp4'))

    def read(_):
        video = Video(path, PIXELS)
        video.read(FRAMES - 1)
        video.close()
        pages = Path('/proc/self/statm').read_text().split()[1]
        return int(pages), len([*Path('/proc/self/task').iterdir()])

    # The parent decodes first, which is what leaves other decoders with threads that are gone.
    read(0)
    loader = DataLoader(
        range(120),
        batch_size=None,
        num_workers=2,
        collate_fn=read,
        multiprocessing_context='fork',
        timeout=300,
    )
    pages, threads = zip(*loader, strict=True)
    assert max(threads) <= 4
    assert max(pages[-2:]) - min(pages[20:22]) < (40 << 20) / os.sysconf('SC_PAGE_SIZE')
