"""Every EmoCLIP config runs at a small size and has the values of the paper."""

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import CheckpointLoader
from small_runs import CONFIGS, small_config, start

TRAINED = ('emoclip_mafw', 'emoclip_supervised_dfew', 'emoclip_supervised_ferv39k')
TRAINED += ('emoclip_supervised_mafw', 'emoclip_downstream')
EVALUATED = dict(dfew='neutral', ferv39k='fear', mafw='contempt', afew='anger')
EVALUATED |= dict(mafw_compound='anger_disgust')


@pytest.fixture(scope='module')
def checkpoint(corpora, tmp_path_factory):
    """The checkpoint of a small run of configs/emoclip_mafw.py."""
    work_dir = tmp_path_factory.mktemp('captions')
    start(small_config('emoclip_mafw', corpora, work_dir)).train()
    return str(work_dir / 'epoch_1.pth')


def weights(path):
    return CheckpointLoader.load_checkpoint(str(path), map_location='cpu')['state_dict']


@pytest.mark.parametrize('name', TRAINED)
def test_a_config_trains_its_neck_and_not_clip(name, corpora, checkpoint, tmp_path):
    cfg = small_config(name, corpora, tmp_path)
    if name == 'emoclip_downstream':
        cfg.default_hooks.load_pretrained.checkpoint = checkpoint
    runner = start(cfg)
    before = {key: value.clone() for key, value in runner.model.state_dict().items()}
    runner.train()
    after = runner.model.state_dict()
    changed = {key for key in after if not torch.equal(before[key], after[key])}
    assert any(key.startswith('neck.') for key in changed)
    assert not any(key.startswith(('backbone.', 'cls_head.text_encoder.')) for key in changed)
    assert list(tmp_path.glob('best_*_epoch_1.pth'))


@pytest.mark.parametrize(('corpus', 'emotion'), EVALUATED.items())
def test_a_trained_model_is_evaluated_on_another_corpus(
    corpus, emotion, corpora, checkpoint, tmp_path
):
    cfg = small_config(f'emoclip_zeroshot_{corpus}', corpora, tmp_path, load_from=checkpoint)
    found = start(cfg).test()
    assert 0 <= found['dfer/UAR'] <= 100
    assert f'dfer/recall/{emotion}' in found


def test_zero_shot_clip_needs_no_checkpoint(corpora, tmp_path):
    runner = start(small_config('clip_zeroshot_dfew', corpora, tmp_path))
    runner.test()
    model = runner.model
    frames = torch.rand(2, 4, 3, 32, 32)
    with torch.no_grad():
        mean = model.backbone(frames.flatten(0, 1)).unflatten(0, (2, 4)).mean(1)
        video = torch.nn.functional.normalize(mean, dim=-1)
        expected = 100 * video @ model.cls_head.class_features().T
        torch.testing.assert_close(model(frames, stage='head'), expected, atol=1e-4, rtol=1e-5)


def test_a_shared_context_is_evaluated_on_other_classes(corpora, tmp_path):
    options = dict(model__cls_head__class_specific=False)
    start(small_config('dferclip_dfew', corpora, tmp_path, **options)).train()
    trained = str(tmp_path / 'epoch_1.pth')
    runner = start(small_config('dferclip_zeroshot_mafw', corpora, tmp_path, load_from=trained))
    runner.test()
    context = weights(trained)['cls_head.prompt_learner.context']
    assert torch.equal(runner.model.cls_head.prompt_learner.context, context)


def test_fine_tuning_is_a_setting(corpora, tmp_path):
    options = {'model__backbone__frozen': False, 'model__cls_head__text_encoder__frozen': False}
    cfg = small_config('emoclip_mafw', corpora, tmp_path, **options)
    cfg.train_dataloader.batch_size = 4
    runner = start(cfg)
    runner.train()
    rates = {}
    for group in runner.optim_wrapper.optimizer.param_groups:
        for parameter in group['params']:
            rates[id(parameter)] = group['initial_lr']
    for name, parameter in runner.model.named_parameters():
        tower = name.startswith(('backbone.', 'cls_head.text_encoder.'))
        assert rates[id(parameter)] == pytest.approx(1e-6 if tower else 1e-3), name
    # The checkpoint contains CLIP's weights, which replace the pretrained ones.
    cfg = small_config('emoclip_zeroshot_dfew', corpora, tmp_path)
    cfg.load_from = str(tmp_path / 'epoch_1.pth')
    runner = start(cfg)
    runner.test()
    for name, value in weights(cfg.load_from).items():
        assert torch.equal(runner.model.state_dict()[name], value), name


def test_the_recipe_is_the_published_one():
    cfg = Config.fromfile(CONFIGS / 'emoclip_mafw.py')
    recipe = dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4)
    optimizer = cfg.optim_wrapper.optimizer
    assert {name: optimizer[name] for name in recipe} == recipe
    assert cfg.train_cfg.max_epochs == 30
    assert cfg.param_scheduler[0].milestones == [15]
    assert cfg.train_dataloader.batch_size == 64
    window = cfg.train_dataloader.dataset.pipeline[1]
    assert (window.type, window.stride, window.num_frames) == ('SampleWindow', 2, 32)
    head = cfg.model.cls_head
    beyond = ('gather_with_grad', 'mask_duplicate_texts', 'max_logit_scale', 'fill_captions')
    assert not any(head.get(name) for name in beyond)
    preprocessor = cfg.model.data_preprocessor
    mean, std = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    assert preprocessor.mean == pytest.approx([255 * value for value in mean])
    assert preprocessor.std == pytest.approx([255 * value for value in std])
    for name in ('dfew', 'ferv39k', 'mafw'):
        cfg = Config.fromfile(CONFIGS / f'emoclip_supervised_{name}.py')
        assert cfg.train_cfg.max_epochs == 50
        assert cfg.param_scheduler[0].milestones == [25]
        assert cfg.train_dataloader.dataset.pipeline[1].stride == 4
        assert cfg.model.cls_head.text_source == 'class_prompts'
