import numpy as np
import pytest
from mmaction.registry import TRANSFORMS
from mmcv.transforms import Compose

from dferclip_mm.media.errors import ClipReadError, FirstWarning
from dferclip_mm.media.images import list_frames, read_image
from dferclip_mm.transforms import clip_init


def open_clip(filename='', **kwargs):
    results = dict(filename=str(filename), ann_file='lists/a.txt', ann_line=7) | kwargs
    return TRANSFORMS.build(dict(type='ClipInit')).transform(results)


def test_frames_are_in_natural_order_without_other_files(tmp_path, frames):
    folder = frames(tmp_path / 'a', 4, names=['10.jpg', '2.JPG', '1.png', '9.jpeg'])
    for name in ('Thumbs.db', '.DS_Store', '._1.jpg', 'notes.txt'):
        (folder / name).write_bytes(b'x')
    (folder / '5.jpg').mkdir()
    results = open_clip(folder)
    names = ['1.png', '2.JPG', '9.jpeg', '10.jpg']
    assert results['clip_reader'].frames == [str(folder / name) for name in names]
    assert results['total_frames'] == 4


def test_a_wrong_frame_count_is_corrected_and_named_once(tmp_path, frames, said_by):
    said = said_by('dferclip_mm.media.errors')
    folder = frames(tmp_path / 'a', 3)
    transform = TRANSFORMS.build(dict(type='ClipInit'))
    for listed, total in ((3, 3), (25, 3), (2, 3)):
        results = dict(filename=str(folder), total_frames=listed, ann_file='f', ann_line=2)
        assert transform.transform(results)['total_frames'] == total
    assert len(said) == 1
    place = f'{folder} (listed in f:2)'
    assert said[0].startswith(f'{place}: the list counts 25 frames, 3 are there')


def test_a_clip_of_no_dataset_is_answered_with_a_word_on_faces_once(
    tmp_path, video, said_by, monkeypatch
):
    said = said_by('dferclip_mm.media.errors')
    monkeypatch.setattr(clip_init, '_warn_of_faces', FirstWarning())
    path = video(tmp_path / 'a.mp4', 3)
    open_clip(path, label=-1, sample_idx=0)
    open_clip(path)
    assert not said
    # What inference_recognizer asks for.
    for _ in range(2):
        open_clip(path, label=-1, start_index=0, modality='RGB')
    assert len(said) == 1
    assert 'expects crops of one face' in said[0]
    assert 'dferclip analyze VIDEO' in said[0]
    assert 'dferclip crop FOLDER OUT' in said[0]


SDP = b'\nc=IN IP4 127.0.0.1\n'


@pytest.mark.parametrize(
    ('content', 'reason'),
    [
        (b'', 'expected a video, found an empty file'),
        (b'<!DOCTYPE html><html></html>', 'expected a video container'),
        (b'\0\0\0\x08ftyp' + SDP, 'expected a video container'),
        (b'RIFF    AVI ' + b' ' * 100000 + SDP, 'expected a video container'),
        (b'\0\0\0\x08ftypisom' + bytes(64), 'expected a video, found one that does not open'),
    ],
    ids=['empty', 'page', 'sdp', 'sdp far behind', 'no video'],
)
def test_a_file_that_is_no_video_is_refused_by_clip_list_and_line(tmp_path, content, reason):
    path = tmp_path / 'a.mp4'
    path.write_bytes(content)
    with pytest.raises(ClipReadError) as error:
        open_clip(path)
    assert str(error.value).startswith(f'{path} (listed in lists/a.txt:7): {reason}')


@pytest.fixture
def forms(tmp_path, frames):
    """The same clip in each form that the pipelines of MMAction2 know."""
    frames(tmp_path / 'a', 7, names=[f'img_{n:05}.png' for n in range(3, 10)])
    array = np.stack([read_image(path) for path in list_frames(str(tmp_path / 'a'))])
    numbered = dict(filename_tmpl='img_{:05}.png', total_frames=7)
    return {
        'folder': dict(filename=str(tmp_path / 'a'), start_index=0),
        'frame_dir': dict(frame_dir=str(tmp_path / 'a')),
        'numbered': dict(frame_dir=str(tmp_path / 'a'), start_index=3, **numbered),
        'offset': dict(frame_dir=str(tmp_path / 'a'), start_index=1, offset=2, **numbered),
        'array': dict(array=array, start_index=0, total_frames=7),
        'list of frames': dict(array=list(array)),
    }


@pytest.mark.parametrize('sampler', ['SampleSegments', 'SampleWindow', 'SampleFrames'])
def test_every_form_of_a_clip_gives_the_same_frames(forms, sampler):
    steps = [
        dict(type='ClipInit'),
        dict(type=sampler, test_mode=True)
        | (dict(clip_len=5) if sampler == 'SampleFrames' else dict(num_frames=5)),
        dict(type='ClipDecode'),
    ]
    found = {name: Compose(steps)(dict(form))['imgs'] for name, form in forms.items()}
    assert found['folder'].shape == (5, 12, 16, 3)
    assert len(np.unique(found['folder'])) > 1
    for name, imgs in found.items():
        np.testing.assert_array_equal(imgs, found['folder'], err_msg=name)


def test_a_picture_is_a_clip_of_one_frame(forms):
    picture = forms['folder']['filename'] + '/img_00005.png'
    expected = forms['array']['array'][2]
    for form in (dict(filename=picture), dict(array=expected), dict(array=[expected])):
        opened = Compose([dict(type='ClipInit')])(form)
        assert opened['total_frames'] == 1
        np.testing.assert_array_equal(opened['clip_reader'].read(0), expected)


def test_a_numbered_frame_that_is_missing_is_named(forms):
    results = Compose([dict(type='ClipInit')])(forms['numbered'] | dict(total_frames=8))
    with pytest.raises(ClipReadError, match=r'/a: .*img_00010\.png'):
        Compose([dict(type='ClipDecode')])(results | dict(frame_inds=[7]))


@pytest.mark.parametrize(
    ('clip', 'found'),
    [
        (dict(array=np.zeros((2, 4, 4, 3), np.float32)), r'uint8 RGB.*\(4, 4, 3\) float32'),
        (dict(array=np.zeros((2, 4, 4), np.uint8)), r'uint8 RGB frames.*\(2, 4, 4\) uint8'),
        (dict(array=np.zeros((0, 4, 4, 3), np.uint8)), 'uint8 RGB frames.*no frames'),
        (dict(filename='.'), 'expected a folder of images, found none in it'),
        (dict(filename='gone.mp4'), r'lists/a.txt:7\): .*No such file'),
    ],
)
def test_what_is_no_clip_is_refused(work_dir, clip, found):
    with pytest.raises(ClipReadError, match=found):
        open_clip(**clip)


def test_frames_of_too_many_pixels_are_refused_before_decoding(tmp_path, video, monkeypatch):
    path = video(tmp_path / 'a.mp4', 2, size=(48, 64))
    small = TRANSFORMS.build(dict(type='ClipInit', max_pixels=48 * 64))
    assert small.transform(dict(filename=str(path)))['total_frames'] == 2
    monkeypatch.setattr('dferclip_mm.media.videos.Video._decode', None)
    smaller = TRANSFORMS.build(dict(type='ClipInit', max_pixels=48 * 64 - 1))
    with pytest.raises(ClipReadError, match='at most 3071 pixels, found 64 x 48'):
        smaller.transform(dict(filename=str(path)))
