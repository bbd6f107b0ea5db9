import hashlib

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from open_clip.transformer import QuickGELU

from dferclip_mm.converters import bake_text_features
from dferclip_mm.converters.publish import _unpretrain
from dferclip_mm.faces.crop import DEFAULT_TEMPLATE, find_template, write_template


@pytest.fixture
def trained(tmp_path, tiny_model, tiny_weights):
    """A run's config file and checkpoint, both towers frozen and pretrained."""
    tiny_model['backbone'].update(pretrained=tiny_weights, frozen=True)
    tiny_model['cls_head'] |= dict(
        prompts=['a'] * 7, num_context=2, class_specific=False, context_position='middle'
    )
    tiny_model['cls_head']['text_encoder']['pretrained'] = tiny_weights
    run = dict(work_dir='runs/1', load_from='runs/0.pth', resume=True, launcher='none')
    cfg = Config(dict(model=tiny_model, **run))
    config, checkpoint = tmp_path / 'run.py', tmp_path / 'run.pth'
    cfg.dump(str(config))
    torch.save({'meta': {}, 'state_dict': MODELS.build(cfg.model).state_dict()}, checkpoint)
    return cfg, config, checkpoint


def test_published_model_stands_alone_and_scores_the_same(tmp_path, run_tool, trained):
    cfg, config, checkpoint = trained
    model = MODELS.build(cfg.model).eval()
    model.load_state_dict(torch.load(checkpoint)['state_dict'])
    frames = torch.rand(2, 4, 3, 32, 32)
    expected = model(frames, stage='head')

    write_template(tmp_path / 'crop.json', DEFAULT_TEMPLATE)
    run_tool('publish_model', config, checkpoint, tmp_path / 'out' / 'model.pth')
    weights, written = sorted((tmp_path / 'out').iterdir())
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:8]
    assert (weights.name, written.name) == (f'model-{digest}.pth', f'model-{digest}.py')

    assert find_template(weights) == DEFAULT_TEMPLATE
    # The pretrained weights are not needed.
    (tmp_path / 'tiny_clip.pt').unlink()
    state = torch.load(weights, weights_only=True)['state_dict']
    assert not any('text_encoder' in name or 'prompt_learner' in name for name in state)
    folded = Config.fromfile(written)
    assert set(folded) == {'model'}
    assert set(folded.model.cls_head) == {'type', 'classes', 'embed_dims'}
    alone = MODELS.build(folded.model).eval()
    alone.load_state_dict(state, strict=True)
    assert torch.equal(alone(frames, stage='head'), expected)
    assert alone.cls_head.classes == model.cls_head.classes


@pytest.mark.parametrize(
    ('setting', 'last'),
    [(dict(lora=dict(rank=2)), 'lora_b'), (dict(adapter=dict(dim=4)), 'adapter_up.weight')],
)
def test_small_weights_are_published_with_their_tower(tmp_path, run_tool, trained, setting, last):
    cfg, config, checkpoint = trained
    cfg.model.backbone.update(setting)
    cfg.dump(str(config))
    model = MODELS.build(cfg.model).eval()
    for name, weight in model.named_parameters():
        if name.endswith(last):
            torch.nn.init.normal_(weight)
    torch.save({'state_dict': model.state_dict()}, checkpoint)
    run_tool('publish_model', config, checkpoint, tmp_path / 'out' / 'model.pth')
    weights, written = sorted((tmp_path / 'out').iterdir())
    alone = MODELS.build(Config.fromfile(written).model).eval()
    state = torch.load(weights, weights_only=True)['state_dict']
    assert not any('lora' in name or 'original' in name for name in state)
    alone.load_state_dict(state, strict=True)
    frames = torch.rand(2, 4, 3, 32, 32)
    torch.testing.assert_close(alone(frames, stage='head'), model(frames, stage='head'))


def test_activation_of_the_weights_is_kept():
    """``ViT-B-32`` has QuickGELU only through its weights, which a published model does without."""
    gelu, quick = torch.nn.GELU(), QuickGELU()
    for arch, activation, expected in (
        ('ViT-B-32', quick, 'ViT-B-32-quickgelu'),
        ('ViT-B-32-quickgelu', quick, 'ViT-B-32-quickgelu'),
        ('ViT-B-32', gelu, 'ViT-B-32'),
        (dict(embed_dim=4), quick, dict(embed_dim=4, quick_gelu=True)),
    ):
        cfg = Config(dict(type='CLIPVisualEncoder', arch=arch, pretrained='openai'))
        _unpretrain(cfg, torch.nn.Sequential(activation))
        assert (cfg.arch, cfg.pretrained) == (expected, None)


@pytest.mark.parametrize(
    ('head', 'message'),
    [
        (dict(negative_prompts=['b'] * 7), 'negative_prompts has two texts for each class'),
        (dict(type='TSNHead'), 'a TSNHead has no prompts to replace'),
    ],
)
def test_heads_without_one_text_for_each_class_are_refused(trained, head, message):
    cfg, _, _ = trained
    model = MODELS.build(cfg.model)
    model.cls_head.has_negatives = 'negative_prompts' in head
    cfg.model.cls_head.update(head)
    with pytest.raises(ValueError, match=message):
        bake_text_features(model, cfg)
