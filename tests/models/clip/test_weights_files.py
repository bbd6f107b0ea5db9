"""CLIP's own files, in the layouts that are in circulation, as pretrained towers."""

import open_clip
import pytest
import torch
from mmaction.registry import MODELS
from safetensors.torch import save_file


def openai_names(clip):
    return clip.state_dict()


def two_tower_names(clip):
    state = clip.state_dict()
    shared = ('visual.', 'logit_scale')
    return {name if name.startswith(shared) else f'text.{name}': state[name] for name in state}


def training_run(clip):
    state = {f'module.{name}': value for name, value in clip.state_dict().items()}
    return {'epoch': 3, 'name': 'run', 'state_dict': state}


@pytest.mark.parametrize(
    ('layout', 'suffix'),
    [
        (openai_names, '.pt'),
        (openai_names, '.safetensors'),
        (two_tower_names, '.pt'),
        (training_run, '.pt'),
    ],
)
def test_a_layout_loads_into_both_towers(tmp_path, tiny_clip, layout, suffix):
    clip = open_clip.CLIP(**tiny_clip).eval()
    path, save = tmp_path / f'clip{suffix}', torch.save if suffix == '.pt' else save_file
    save(layout(clip), path)
    backbone = MODELS.build(dict(type='CLIPVisualEncoder', arch=tiny_clip, pretrained=str(path)))
    encoder = MODELS.build(dict(type='CLIPTextEncoder', arch=tiny_clip, pretrained=str(path)))
    image, text = torch.rand(2, 3, 32, 32), open_clip.tokenize(['a smile', 'a frown'])
    with torch.no_grad():
        torch.testing.assert_close(backbone.eval()(image), clip.encode_image(image))
        torch.testing.assert_close(encoder(text), clip.encode_text(text))
