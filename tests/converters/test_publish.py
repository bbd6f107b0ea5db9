import hashlib

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from open_clip.transformer import QuickGELU

from dferclip_mm.converters import bake_text_features
from dferclip_mm.converters.publish import _unpretrain
from dferclip_mm.faces.crop import (
    DEFAULT_TEMPLATE,
    find_template,
    write_template,
)


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

    run_tool('publish_model', config, checkpoint, tmp_path / 'out' / 'model.pth')
    weights, written = sorted((tmp_path / 'out').iterdir())
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:8]
    assert (weights.name, written.name) == (f'model-{digest}.pth', f'model-{digest}.py')

    # Neither the pretrained weights nor an allow-list are needed.
    (tmp_path / 'tiny_clip.pt').unlink()
    allowed = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    try:
        state = torch.load(weights, weights_only=True)['state_dict']
    finally:
        torch.serialization.add_safe_globals(allowed)
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


def test_a_head_with_negative_prompts_is_not_published(trained):
    cfg, _, _ = trained
    cfg.model.cls_head.negative_prompts = ['b'] * 7
    with pytest.raises(ValueError, match='negative_prompts has two texts for each class'):
        bake_text_features(MODELS.build(cfg.model), cfg)


def test_a_published_checkpoint_holds_how_faces_are_cropped(tmp_path, run_tool, trained):
    _, config, checkpoint = trained
    write_template(tmp_path / 'crop.json', DEFAULT_TEMPLATE)
    run_tool('publish_model', config, checkpoint, tmp_path / 'out' / 'model.pth')
    weights, _ = sorted((tmp_path / 'out').iterdir())
    assert find_template(weights) == DEFAULT_TEMPLATE


def test_the_callers_config_is_as_it_was(trained):
    cfg, _, _ = trained
    bake_text_features(MODELS.build(cfg.model), cfg)
    assert cfg.model.cls_head.prompts == ['a'] * 7
    assert cfg.launcher == 'none'


def test_checkpoint_of_another_model_is_explained(tmp_path, run_tool, trained):
    _, config, checkpoint = trained
    torch.save({'state_dict': {'neck.cls_token': torch.zeros(1, 1, 32)}}, checkpoint)
    with pytest.raises(SystemExit, match=r'run\.pth does not fit the model: .*only in the model'):
        run_tool('publish_model', config, checkpoint, tmp_path / 'out' / 'model.pth')
    assert not (tmp_path / 'out').exists()


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


def test_a_head_without_prompts_is_refused(tiny_model):
    tiny_model['cls_head'] = dict(type='TSNHead', num_classes=7, in_channels=32)
    model = MODELS.build(tiny_model)
    with pytest.raises(match='a TSNHead has no prompts to replace'):
        bake_text_features(model, Config(dict(model=tiny_model)))
