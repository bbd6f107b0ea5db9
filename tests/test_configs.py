"""Every shipped config: its published values, and one small epoch of the model that it builds."""

import numpy as np
import pytest
import torch
from clip_files import write_text
from mini_corpora import write_clip, write_dfew
from mmaction.registry import DATASETS, MODELS
from mmengine.config import Config
from safetensors.torch import save_file
from small_runs import CONFIGS, FRAMES, small_config, start

CLASSES = {
    'dferclip_dfew': 7,
    'dferclip_ferv39k': 7,
    'dferclip_mafw': 11,
    'dferclip_vit-b-16_dfew': 7,
    'dferclip_vit-l-14_lora_dfew': 7,
    'dkclip_vit-b-16_dfew': 7,
}
CAPTIONED = ('emoclip_mafw', 'emoclip_supervised_dfew', 'emoclip_supervised_ferv39k')
CAPTIONED += ('emoclip_supervised_mafw', 'emoclip_downstream')


def trained(cfg):
    """The runner of a small run, and the names of the weights that it changed."""
    runner = start(cfg)
    before = {key: value.clone() for key, value in runner.model.state_dict().items()}
    runner.train()
    for name, history in runner.message_hub.log_scalars.items():
        assert np.isfinite(history.data[0]).all(), name
    after = runner.model.state_dict()
    return runner, {key for key in after if not torch.equal(before[key], after[key])}


def weights(path):
    return torch.load(path, weights_only=True)['state_dict']


@pytest.fixture(scope='module')
def emoclip(corpora, tmp_path_factory):
    """The checkpoint of a small run of configs/emoclip_mafw.py."""
    work_dir = tmp_path_factory.mktemp('captions')
    start(small_config('emoclip_mafw', corpora, work_dir)).train()
    return str(work_dir / 'epoch_1.pth')


@pytest.fixture(scope='module')
def expclip(tmp_path_factory):
    """Of one of configs/expclip.py, on faces without labels and a language model's features."""
    root = tmp_path_factory.mktemp('faces')
    names = [f'clip{number}' for number in range(4)]
    for name in names:
        write_clip(root / f'faces/clips/{name}', 3, 'jpg')
    write_text(root / 'faces/clips.csv', '\n'.join(['clip', *names]))
    features = {name: torch.randn(4096) for name in names}
    save_file(features, root / 'faces/llm_features.safetensors')
    cfg = small_config('expclip', root, root / 'run')
    cfg.model.num_frames = 1
    steps = cfg.train_dataloader.dataset.pipeline
    steps[0].file = str(root / 'faces/llm_features.safetensors')
    assert trained(cfg)[1] == {'cls_head.projection.weight'}
    return str(root / 'run/epoch_1.pth')


@pytest.mark.parametrize('name', CLASSES)
def test_one_epoch_trains_every_parameter_and_nothing_else(corpora, tmp_path, name):
    runner, changed = trained(small_config(name, corpora, tmp_path))
    assert runner.iter == CLASSES[name] // 2, 'the last partial batch is dropped'
    parameters = dict(runner.model.named_parameters())
    assert {key.split('.')[0] for key in parameters} == {'backbone', 'neck', 'cls_head'}
    assert not any('text_encoder' in key for key in parameters)
    kinds = {key.rpartition('.')[2] for key in parameters if key.startswith('backbone')}
    assert ('lora' in name) == (kinds == {'lora_a', 'lora_b'})
    batch = runner.model.data_preprocessor(next(iter(runner.train_dataloader)), training=True)
    runner.model.train()(**batch, mode='loss')['loss_cls'].backward()
    assert all(value.grad.abs().sum() > 0 for value in parameters.values())
    assert changed == set(parameters)
    assert 0 <= runner.message_hub.get_scalar('val/dfer/UAR').current() <= 100
    logged = {f'train/loss_{part}' for part in ('snippets', 'consistency')}
    assert (name.startswith('dkclip')) == (logged <= set(runner.message_hub.log_scalars))


@pytest.mark.parametrize('name', CAPTIONED)
def test_a_config_trains_its_neck_and_not_clip(name, corpora, emoclip, tmp_path):
    cfg = small_config(name, corpora, tmp_path)
    if name == 'emoclip_downstream':
        cfg.default_hooks.load_pretrained.checkpoint = emoclip
    _, changed = trained(cfg)
    assert any(key.startswith('neck.') for key in changed)
    assert not any(key.startswith(('backbone.', 'cls_head.text_encoder.')) for key in changed)
    assert list(tmp_path.glob('best_*_epoch_1.pth'))


EVALUATED = dict(dfew='neutral', ferv39k='fear', mafw='contempt', afew='anger')
EVALUATED |= dict(mafw_compound='anger_disgust')


@pytest.mark.parametrize(
    ('method', 'corpus'),
    [(method, corpus) for method in ('emoclip', 'expclip') for corpus in EVALUATED][:-1],
)
def test_a_trained_model_is_evaluated_on_another_corpus(method, corpus, corpora, request, tmp_path):
    checkpoint = request.getfixturevalue(method)
    cfg = small_config(f'{method}_zeroshot_{corpus}', corpora, tmp_path, load_from=checkpoint)
    if method == 'expclip':
        # The published set has hundreds of sentences.
        cfg.model.cls_head.prompts = 'expression_ensemble_10'
    found = start(cfg).test()
    assert 0 <= found['dfer/UAR'] <= 100
    assert f'dfer/recall/{EVALUATED[corpus]}' in found


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
    checkpoint = str(tmp_path / 'epoch_1.pth')
    runner = start(small_config('dferclip_zeroshot_mafw', corpora, tmp_path, load_from=checkpoint))
    runner.test()
    context = weights(checkpoint)['cls_head.prompt_learner.context']
    assert torch.equal(runner.model.cls_head.prompt_learner.context, context)


def test_fine_tuning_clip_is_a_setting(corpora, tmp_path):
    options = {'model__backbone__frozen': False, 'model__cls_head__text_encoder__frozen': False}
    cfg = small_config('emoclip_mafw', corpora, tmp_path, **options)
    cfg.train_dataloader.batch_size = 4
    runner = start(cfg)
    runner.train()
    groups = runner.optim_wrapper.optimizer.param_groups
    rates = {id(each): group['initial_lr'] for group in groups for each in group['params']}
    for name, parameter in runner.model.named_parameters():
        tower = name.startswith(('backbone.', 'cls_head.text_encoder.'))
        assert rates[id(parameter)] == pytest.approx(1e-6 if tower else 1e-3), name
    # The checkpoint contains CLIP's weights, which replace the pretrained ones.
    checkpoint = str(tmp_path / 'epoch_1.pth')
    runner = start(small_config('emoclip_zeroshot_dfew', corpora, tmp_path, load_from=checkpoint))
    runner.test()
    for name, value in weights(checkpoint).items():
        assert torch.equal(runner.model.state_dict()[name], value), name


@pytest.mark.parametrize('corpus', ['dfew', 'mafw'])
def test_dferclips_recipe_is_the_published_one(corpora, tmp_path, corpus):
    """Three learning rates, and weight decay on every trained parameter (BMVC 2023, section 4)."""
    runner = start(small_config(f'dferclip_{corpus}', corpora, tmp_path))
    optimizer = runner.build_optim_wrapper(runner.optim_wrapper).optimizer
    names = {id(value): name for name, value in runner.model.named_parameters()}
    rates = {}
    for group in optimizer.param_groups:
        assert (group['weight_decay'], group['momentum']) == (1e-4, 0.9)
        for parameter in group['params']:
            component = names[id(parameter)].split('.')[0]
            rates.setdefault(component, set()).add(round(group['lr'], 10))
    assert rates == {'backbone': {1e-5}, 'neck': {1e-2}, 'cls_head': {1e-3}}
    assert runner.cfg.param_scheduler[0].milestones == [30, 40]
    assert Config.fromfile(CONFIGS / f'dferclip_{corpus}.py').train_cfg.max_epochs == 50


@pytest.mark.parametrize(('corpus', 'parameters'), [('dfew', 153_416_449), ('mafw', 153_432_833)])
def test_dferclip_has_the_published_size(corpus, parameters):
    cfg = Config.fromfile(CONFIGS / f'dferclip_{corpus}.py').model
    cfg.backbone.pretrained = cfg.cls_head.text_encoder.pretrained = None
    with torch.device('meta'):
        model = MODELS.build(cfg)
    # The original also counts CLIP's logit scale.
    frozen = model.cls_head.text_encoder.state_dict().values()
    count = sum(p.numel() for p in model.parameters()) + sum(w.numel() for w in frozen)
    assert count + 1 == parameters


def test_emoclips_recipe_is_the_published_one():
    cfg = Config.fromfile(CONFIGS / 'emoclip_mafw.py')
    recipe = dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4)
    assert dict(cfg.optim_wrapper.optimizer, **recipe) == cfg.optim_wrapper.optimizer
    assert (cfg.train_cfg.max_epochs, cfg.param_scheduler[0].milestones) == (30, [15])
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
        assert (cfg.train_cfg.max_epochs, cfg.param_scheduler[0].milestones) == (50, [25])
        assert cfg.train_dataloader.dataset.pipeline[1].stride == 4
        assert cfg.model.cls_head.text_source == 'class_prompts'


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
    lines = 65 if path.stem.startswith(('demo', 'custom')) else 40
    assert len(path.read_text().splitlines()) <= lines


def test_mixed_clips_have_mixed_and_smoothed_labels(corpora, tmp_path):
    """RandomBatchAugment gives each clip a share of each class; smoothing takes a tenth of it."""
    runner = start(small_config('dferclip_vit-l-14_lora_dfew', corpora, tmp_path))
    batch = next(iter(runner.train_dataloader))
    made = runner.model.data_preprocessor(batch, training=True)
    labels = torch.stack([sample.gt_label for sample in made['data_samples']])
    assert labels.shape == (len(labels), 7)
    torch.testing.assert_close(labels.sum(1), torch.ones(len(labels)))
    assert made['inputs'].shape[1:] == batch['inputs'][0].shape
    scores = runner.model.extract_feat(made['inputs'], stage='head')[0]
    smoothed = 0.9 * labels + 0.1 / 7
    expected = -(smoothed * scores.log_softmax(1)).sum(1).mean()
    loss = runner.model.cls_head.loss_by_feat(scores, made['data_samples'])['loss_cls']
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-5)


# MMAction2's own heads for these backbones.
SHIPPED_HEADS = {
    'tsm-r50': dict(type='TSMHead', in_channels=2048, num_segments=FRAMES),
    'videomae': dict(type='TimeSformerHead', in_channels=48),
    'swin3d': dict(type='I3DHead', in_channels=768),
}


@pytest.mark.parametrize('name', SHIPPED_HEADS)
def test_a_backbone_trains_from_a_checkpoint_of_mmaction2(tmp_path, name):
    write_dfew(tmp_path / 'DFEW', num_frames=FRAMES)
    cfg = small_config(f'dferclip_{name}_dfew', tmp_path, tmp_path / 'run')
    stock = dict(
        type='Recognizer2D' if name == 'tsm-r50' else 'Recognizer3D',
        backbone=cfg.model.backbone.to_dict(),
        cls_head=dict(**SHIPPED_HEADS[name], num_classes=400),
    )
    checkpoint = tmp_path / 'stock.pth'
    expected = MODELS.build(stock).state_dict()
    torch.save(dict(meta={}, state_dict=expected), checkpoint)
    cfg.default_hooks.load_pretrained.checkpoint = str(checkpoint)
    cfg.default_hooks.checkpoint.update(save_best=None, save_last=False, interval=2)
    # No learning: after the run the backbone still has the checkpoint's weights.
    cfg.optim_wrapper.optimizer.update(lr=0.0, weight_decay=0.0)
    runner, _ = trained(cfg)
    assert runner.iter == 3
    for key, value in runner.model.backbone.named_parameters():
        assert torch.equal(value, expected[f'backbone.{key}']), key
    assert 0 <= runner.message_hub.get_scalar('val/dfer/UAR').current() <= 100
    report = next((tmp_path / 'run').rglob('*.log')).read_text()
    assert f'tensors of backbone loaded from {checkpoint}' in report
    assert 'with their own weights: cls_head.' in report
    assert 'ignored in the checkpoint: cls_head.fc_cls (2)' in report
