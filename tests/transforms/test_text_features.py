import pytest
import torch
from mmaction.registry import TRANSFORMS
from safetensors.torch import save_file


@pytest.fixture
def load(tmp_path):
    path = tmp_path / 'features.safetensors'
    vectors = {'0267': 1.0, 'Happy/0267': 2.0, '00005': 3.0}
    save_file({name: torch.full((4,), value).half() for name, value in vectors.items()}, path)
    return TRANSFORMS.build(dict(type='LoadTextFeatures', file=str(path)))


def test_a_clip_is_found_by_the_longest_end_of_its_path(load, tmp_path):
    video = tmp_path / '00005.mp4'
    video.touch()
    for clip, value in {'a/Sad/0267': 1.0, 'a/Happy/0267': 2.0, str(video): 3.0}.items():
        found = load({'filename': clip})['text_features']
        assert torch.equal(found, torch.full((4,), value))


def test_a_missing_clip_and_a_wrong_file_are_explained(load, tmp_path):
    with pytest.raises(ValueError, match=r'has no features of a/0300: .* 3 names .* .0300.'):
        load({'filename': 'a/0300'})
    other = tmp_path / 'other.safetensors'
    for content in (None, b'no tensors'):
        if content is not None:
            other.write_bytes(content)
        with pytest.raises(ValueError, match=r'other\.safetensors cannot be read as a safetensors'):
            TRANSFORMS.build(dict(type='LoadTextFeatures', file=str(other)))
