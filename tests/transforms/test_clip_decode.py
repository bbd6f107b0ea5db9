import cv2
import numpy as np
import pytest
from mmaction.registry import TRANSFORMS
from mmcv.transforms import Compose
from PIL import Image

from dferclip_mm.media.errors import ClipReadError
from dferclip_mm.media.images import has_orientation, read_image


def decode(path, indices):
    pipeline = Compose(
        [
            TRANSFORMS.build(dict(type='ClipInit')),
            lambda results: results | dict(frame_inds=np.array(indices)),
            TRANSFORMS.build(dict(type='ClipDecode')),
        ]
    )
    return pipeline(dict(filename=str(path), ann_file='a.txt', ann_line=3))


def levels(results):
    return results['imgs'][:, 0, 0, 0].tolist()


def test_repeated_frames_are_read_once_but_share_no_memory(tmp_path, frames, monkeypatch):
    read = []
    monkeypatch.setattr(
        'dferclip_mm.media.images.read_image',
        lambda path, buffer: read.append(path) or read_image(path, buffer),
    )
    results = decode(frames(tmp_path / 'a', 12, size=(12, 16)), [11, 0, 3, 3])
    assert len(read) == 3
    assert results['imgs'].dtype == np.uint8
    assert results['imgs'].shape == (4, 12, 16, 3)
    assert results['img_shape'] == results['original_shape'] == (12, 16)
    results['imgs'][2] = 255
    assert levels(results) == [110, 0, 255, 30]


def test_images_are_those_of_pillow(tmp_path):
    pixels = np.random.RandomState(0).randint(0, 256, (12, 10, 3), dtype=np.uint8)
    pixels = cv2.resize(pixels, (40, 48))
    image, turned = Image.fromarray(pixels), Image.Exif()
    turned[0x112] = 6  # orientation
    for suffix in ('jpg', 'png', 'webp', 'bmp'):
        image.save(tmp_path / f'plain.{suffix}')
        image.save(tmp_path / f'turned.{suffix}', exif=turned)
    (tmp_path / 'turned.bmp').unlink()
    image.convert('L').save(tmp_path / 'grey.jpg')
    image.convert('P').save(tmp_path / 'palette.png')
    Image.fromarray(np.dstack([pixels, pixels[..., 0]])).save(tmp_path / 'alpha.png')
    for path in tmp_path.iterdir():
        expected = np.asarray(Image.open(path).convert('RGB'))
        np.testing.assert_array_equal(read_image(str(path)), expected, err_msg=path.name)
        assert has_orientation(str(path)) == (path.stem == 'turned')


@pytest.mark.parametrize('subsampling', [0, 1, 2])
@pytest.mark.parametrize('progressive', [False, True])
@pytest.mark.parametrize('size', [(48, 40), (37, 51), (8, 8)])
def test_every_kind_of_jpeg_is_pillows(tmp_path, subsampling, progressive, size):
    pixels = np.random.RandomState(0).randint(0, 256, (6, 5, 3), dtype=np.uint8)
    image = Image.fromarray(cv2.resize(pixels, size[::-1]))
    path = tmp_path / 'a.jpg'
    image.save(path, quality=85, subsampling=subsampling, progressive=progressive)
    expected = np.asarray(Image.open(path))
    buffer = np.zeros((*size, 3), np.uint8)
    assert np.may_share_memory(read_image(str(path), buffer), buffer)
    np.testing.assert_array_equal(buffer, expected)
    np.testing.assert_array_equal(read_image(str(path), np.zeros((9, 9, 3), np.uint8)), expected)


def test_a_jpeg_of_four_inks_is_read_and_one_with_damage_inside_is_refused(tmp_path):
    path = tmp_path / 'a.jpg'
    pixels = np.random.RandomState(0).randint(0, 256, (64, 64, 4), dtype=np.uint8)
    Image.fromarray(pixels, 'CMYK').save(path)
    expected = np.asarray(Image.open(path).convert('RGB')).astype(int)
    assert np.abs(read_image(str(path)) - expected).max() <= 2
    cv2.imwrite(str(path), pixels[..., :3])
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + content[middle + 400 :])
    # Pillow and OpenCV fill the rest with grey.
    with pytest.raises(ValueError, match=r'a.jpg does not decode: Corrupt JPEG data'):
        read_image(str(path))


@pytest.mark.parametrize(('share', 'reason'), [(0, 'is empty'), (0.5, 'is cut short')])
def test_a_damaged_frame_is_named(tmp_path, frames, share, reason):
    frame = frames(tmp_path / 'a', 3) / '00002.jpg'
    content = frame.read_bytes()
    frame.write_bytes(content[: int(len(content) * share)])
    assert levels(decode(tmp_path / 'a', [0, 2])) == [0, 20]
    with pytest.raises(ClipReadError) as error:
        decode(tmp_path / 'a', [0, 1, 2])
    assert str(error.value) == f'{tmp_path / "a"} (listed in a.txt:3): {frame} {reason}'


def test_frames_out_of_range_are_refused(tmp_path, frames):
    with pytest.raises(ClipReadError, match=r'expected frames from 0 to 2, found .* from 1 to 3'):
        decode(frames(tmp_path / 'a', 3), [1, 3])


def test_an_odd_frame_takes_the_size_of_the_first(tmp_path, frames, said_by):
    said = said_by('dferclip_mm.media.errors')
    frames(tmp_path / 'a', 3, size=(12, 16))
    cv2.imwrite(str(tmp_path / 'a/00002.jpg'), np.full((24, 20, 3), 10, np.uint8))
    results = decode(tmp_path / 'a', [0, 1, 2])
    assert results['imgs'].shape == (3, 12, 16, 3)
    assert levels(results) == [0, 10, 20]
    assert len(said) == 1
    assert 'a.txt:3): frame 1 has (24, 20) pixels and the first frame (12, 16)' in said[0]
