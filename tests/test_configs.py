"""Every DFER-CLIP config: its values, and one small epoch of the model that it builds."""

import math

import pytest
import torch
from mini_corpora import write_dfew
from mmaction.registry import DATASETS, MODELS
from mmengine.config import Config
from small_runs import CONFIGS, small_config, start

CLASSES = {
    'dferclip_dfew': 7,
    'dferclip_ferv39k': 7,
    'dferclip_mafw': 11,
    'dferclip_vit-b-16_dfew': 7,
    'dferclip_vit-l-14_lora_dfew': 7,
    'dkclip_vit-b-16_dfew': 7,
}


@pytest.mark.parametrize('name', CLASSES)
def test_one_epoch_trains_every_parameter_and_nothing_else(corpora, tmp_path, name):
    runner = start(small_config(name, corpora, tmp_path))
    before = {key: value.clone() for key, value in runner.model.state_dict().items()}
    runner.train()
    assert runner.iter == CLASSES[name] // 2, 'the last partial batch is dropped'
    losses = runner.message_hub.get_scalar('train/loss').data[0]
    assert all(math.isfinite(loss) for loss in losses)
    parameters = dict(runner.model.named_parameters())
    assert {key.split('.')[0] for key in parameters} == {'backbone', 'neck', 'cls_head'}
    assert not any('text_encoder' in key for key in parameters)
    kinds = {key.rpartition('.')[2] for key in parameters if key.startswith('backbone')}
    assert ('lora' in name) == (kinds == {'lora_a', 'lora_b'})
    batch = runner.model.data_preprocessor(next(iter(runner.train_dataloader)), training=True)
    runner.model.train()(**batch, mode='loss')['loss_cls'].backward()
    assert all(value.grad.abs().sum() > 0 for value in parameters.values())
    after = runner.model.state_dict()
    changed = {key for key in after if not torch.equal(after[key], before[key])}
    assert changed == set(parameters)
    assert 0 <= runner.message_hub.get_scalar('val/dfer/UAR').current() <= 100


@pytest.mark.parametrize('corpus', ['dfew', 'mafw'])
def test_the_recipe_is_the_published_one(corpora, tmp_path, corpus):
    """Three learning rates, and weight decay on every trained parameter (BMVC 2023, section 4)."""
    runner = start(small_config(f'dferclip_{corpus}', corpora, tmp_path))
    optimizer = runner.build_optim_wrapper(runner.optim_wrapper).optimizer
    names = {id(value): name for name, value in runner.model.named_parameters()}
    rates = {}
    for group in optimizer.param_groups:
        assert group['weight_decay'] == 1e-4
        assert group['momentum'] == 0.9
        for parameter in group['params']:
            component = names[id(parameter)].split('.')[0]
            rates.setdefault(component, set()).add(round(group['lr'], 10))
    assert rates == {'backbone': {1e-5}, 'neck': {1e-2}, 'cls_head': {1e-3}}
    assert runner.cfg.param_scheduler[0].milestones == [30, 40]
    assert runner.cfg.train_cfg.max_epochs == 1
    assert Config.fromfile(CONFIGS / f'dferclip_{corpus}.py').train_cfg.max_epochs == 50


@pytest.mark.parametrize(('corpus', 'parameters'), [('dfew', 153_416_449), ('mafw', 153_432_833)])
def test_the_model_has_the_published_size(corpus, parameters):
    cfg = Config.fromfile(CONFIGS / f'dferclip_{corpus}.py').model
    cfg.backbone.pretrained = cfg.cls_head.text_encoder.pretrained = None
    with torch.device('meta'):
        model = MODELS.build(cfg)
    # The original also counts CLIP's logit scale.
    frozen = model.cls_head.text_encoder.state_dict().values()
    count = sum(p.numel() for p in model.parameters()) + sum(w.numel() for w in frozen)
    assert count + 1 == parameters


def test_val10_validates_on_training_clips(tmp_path):
    cfg = Config.fromfile(CONFIGS / 'dferclip_dfew_val10.py')
    root = write_dfew(tmp_path / 'dfew')
    # One more clip of a class: from two on, one can be held out.
    path = root / 'EmoLabel_DataSplit/train(single-labeled)/set_1.csv'
    path.write_text(path.read_text() + '2,1\n')
    for loader, clips in ((cfg.train_dataloader, 7), (cfg.val_dataloader, 1)):
        loader.dataset.data_root = str(root)
        assert len(DATASETS.build(loader.dataset)) == clips
    assert cfg.test_dataloader.dataset.split == 'test'


@pytest.mark.parametrize('path', sorted(CONFIGS.glob('*.py')), ids=lambda path: path.stem)
def test_a_config_is_short_and_keeps_the_hooks_of_the_runtime(path):
    """Lists of hooks are replaced on inheritance, so a config must not have one of its own."""
    runtime = Config.fromfile(CONFIGS / '_base_' / 'default_runtime.py')
    cfg = Config.fromfile(path)
    assert cfg.get('custom_hooks') == runtime.get('custom_hooks')
    for name, hook in runtime.default_hooks.items():
        assert cfg.default_hooks[name].type == hook.type
    assert len(path.read_text().splitlines()) <= (
        65 if path.stem.startswith(('demo', 'custom')) else 40
    )


def test_mixed_clips_have_mixed_and_smoothed_labels(corpora, tmp_path):
    """RandomBatchAugment gives each clip a share of each class; smoothing takes a tenth of it."""
    runner = start(small_config('dferclip_vit-l-14_lora_dfew', corpora, tmp_path))
    batch = next(iter(runner.train_dataloader))
    frames = batch['inputs'][0].shape
    made = runner.model.data_preprocessor(batch, training=True)
    labels = torch.stack([sample.gt_label for sample in made['data_samples']])
    assert labels.shape == (len(labels), 7)
    torch.testing.assert_close(labels.sum(1), torch.ones(len(labels)))
    assert made['inputs'].shape[1:] == frames
    scores = runner.model.extract_feat(made['inputs'], stage='head')[0]
    smoothed = 0.9 * labels + 0.1 / 7
    expected = -(smoothed * scores.log_softmax(1)).sum(1).mean()
    loss = runner.model.cls_head.loss_by_feat(scores, made['data_samples'])['loss_cls']
    torch.testing.assert_close(loss, expected)


def test_one_epoch_trains_on_snippets(corpora, tmp_path):
    runner = start(small_config('dkclip_vit-b-16_dfew', corpora, tmp_path))
    runner.train()
    for name in ('loss_cls', 'loss_snippets', 'loss_consistency'):
        losses = runner.message_hub.get_scalar(f'train/{name}').data[0]
        assert all(math.isfinite(loss) for loss in losses)
