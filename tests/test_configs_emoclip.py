"""Every config of EmoCLIP runs at small size, and says what the paper's recipe says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config, DictAction
from mmengine.runner import CheckpointLoader
from small_runs import CONFIGS, small_config, start, write_corpora

ROOT = CONFIGS.parent
TRAINED = ('emoclip_mafw', 'emoclip_supervised_dfew', 'emoclip_supervised_ferv39k')
TRAINED += ('emoclip_supervised_mafw', 'emoclip_downstream')
EVALUATED = tuple(f'emoclip_zeroshot_{name}' for name in ('dfew', 'ferv39k', 'mafw', 'afew'))


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    write_corpora(root)
    return root


@pytest.fixture(scope='module')
def checkpoint(data, tmp_path_factory):
    """Of a small configs/emoclip_mafw.py."""
    work_dir = tmp_path_factory.mktemp('captions')
    start(small_config('emoclip_mafw', data, work_dir)).train()
    return str(work_dir / 'epoch_1.pth')


def weights(path):
    return CheckpointLoader.load_checkpoint(str(path), map_location='cpu')['state_dict']


def test_no_config_is_left_out_here():
    names = {path.stem for path in CONFIGS.glob('emoclip_*.py')}
    assert names == {*TRAINED, *EVALUATED, 'emoclip_zeroshot_mafw_compound'}


@pytest.mark.parametrize('name', TRAINED)
def test_trains_an_epoch_and_validates(name, data, checkpoint, tmp_path):
    cfg = small_config(name, data, tmp_path)
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


@pytest.mark.parametrize('name', EVALUATED)
def test_scores_another_corpus_without_training(name, data, checkpoint, tmp_path):
    cfg = small_config(name, data, tmp_path, load_from=checkpoint)
    found = start(cfg).test()
    assert 0 <= found['dfer/UAR'] <= 100


def test_compound_classes_come_from_the_lists(data, checkpoint, tmp_path):
    cfg = small_config('emoclip_zeroshot_mafw_compound', data, tmp_path, load_from=checkpoint)
    runner = start(cfg)
    found = runner.test()
    assert runner.model.cls_head.classes == ('fear', 'anger_disgust')
    assert {'dfer/recall/fear', 'dfer/recall/anger_disgust'} <= set(found)


def test_plain_clip_needs_no_checkpoint(data, tmp_path):
    runner = start(small_config('clip_zeroshot_dfew', data, tmp_path))
    runner.test()
    model = runner.model
    frames = torch.rand(2, 4, 3, 32, 32)
    with torch.no_grad():
        mean = model.backbone(frames.flatten(0, 1)).unflatten(0, (2, 4)).mean(1)
        video = torch.nn.functional.normalize(mean, dim=-1)
        expected = 100 * video @ model.cls_head.class_features().T
        torch.testing.assert_close(model(frames, stage='head'), expected, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize('class_specific', [False, True])
def test_dferclip_on_other_labels(data, tmp_path, class_specific):
    train = small_config(
        'dferclip_dfew', data, tmp_path, model__cls_head__class_specific=class_specific
    )
    start(train).train()
    trained = str(tmp_path / 'epoch_1.pth')
    runner = start(small_config('dferclip_zeroshot_mafw', data, tmp_path, load_from=trained))
    if not class_specific:
        runner.test()
        context = weights(trained)['cls_head.prompt_learner.context']
        assert torch.equal(runner.model.cls_head.prompt_learner.context, context)
        return
    with pytest.raises(ValueError, match=r'context vectors|of another shape'):
        runner.test()
    cfg = small_config('dferclip_zeroshot_mafw', data, tmp_path, load_from=trained)
    cfg.model.cls_head.class_specific = True
    said = (
        r'context vectors for each of happiness, .*, fear, which cannot score happiness, .*, '
        r'disappointment: train with class_specific=False'
    )
    with pytest.raises(ValueError, match=said):
        start(cfg).test()


def test_fine_tuning_is_a_setting(data, tmp_path):
    options = {'model__backbone__frozen': False, 'model__cls_head__text_encoder__frozen': False}
    cfg = small_config('emoclip_mafw', data, tmp_path, **options)
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
    # Its checkpoint holds CLIP's weights, which take the place of frozen ones.
    cfg = small_config('emoclip_zeroshot_dfew', data, tmp_path)
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


def test_clips_without_a_caption_are_left_out(data, tmp_path):
    runner = start(small_config('emoclip_mafw', data, tmp_path))
    dataset = runner.build_dataloader(runner.cfg.train_dataloader).dataset
    texts = [dataset.get_data_info(i)['text'] for i in range(len(dataset))]
    # Of 11 classes; the neutral clip has an empty caption.
    assert len(texts) == 10
    assert all(text.startswith('Somebody moves') for text in texts)


def test_downstream_starts_from_the_caption_trained_transformer(data, checkpoint, tmp_path):
    cfg = small_config('emoclip_downstream', data, tmp_path)
    cfg.model.neck.frozen = True
    cfg.default_hooks.load_pretrained.checkpoint = checkpoint
    runner = start(cfg)
    runner.train()
    stored = weights(checkpoint)
    for name, value in runner.model.neck.state_dict().items():
        assert torch.equal(value, stored[f'neck.{name}']), name


def settings(path, words):
    """What --cfg-options makes of words."""
    import argparse

    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    return parser.parse_args(['--cfg-options', *words]).cfg_options


def test_any_words_at_evaluation_by_settings_alone(data, checkpoint, tmp_path):
    prompts = tmp_path / 'words.json'
    words = {name: f'someone who shows {name}' for name in ('joy', 'sorrow')}
    prompts.write_text(json.dumps({**words, '*': ['a {} face']}))
    options = settings(prompts, [f'model.cls_head.prompts={prompts}'])
    cfg = small_config('emoclip_zeroshot_dfew', data, tmp_path, load_from=checkpoint)
    cfg.merge_from_dict(options)
    runner = start(cfg)
    runner.test()
    tokens = runner.model.cls_head.class_prompts.tokens
    assert len(tokens) == 7
    assert tokens[0].argmax() == 4  # start, a, happiness, face, end


def test_a_class_can_be_left_out_by_settings_alone(data, tmp_path):
    words = [
        'train_dataloader.dataset.exclude_classes=["anger"]',
        'test_dataloader.dataset.include_classes=["anger"]',
    ]
    cfg = small_config('emoclip_supervised_dfew', data, tmp_path)
    cfg.merge_from_dict(settings(None, words))
    runner = start(cfg)
    seen, unseen = (
        runner.build_dataloader(runner.cfg[f'{part}_dataloader']).dataset
        for part in ('train', 'test')
    )
    assert [seen.get_data_info(i)['label'] for i in range(len(seen))] == [0, 1, 2, 4, 5, 6]
    assert [unseen.get_data_info(i)['label'] for i in range(len(unseen))] == [3]


PROGRAM = """
import sys, torch
torch.set_num_threads(1)
sys.path[:0] = {paths!r}
import dferclip_mm
from mmengine.config import Config
from small_runs import start
cfg = Config.fromfile({config!r})
cfg.launcher = 'pytorch'
start(cfg).test()
"""


def test_figures_do_not_depend_on_processes_or_workers(data, checkpoint, tmp_path):
    cfg = small_config('emoclip_zeroshot_ferv39k', data, tmp_path, load_from=checkpoint)
    cfg.test_evaluator.save_to = str(tmp_path / 'alone.json')
    start(cfg).test()
    cfg.test_evaluator.save_to = str(tmp_path / 'both.json')
    cfg.test_dataloader.num_workers = 2
    cfg.dump(tmp_path / 'config.py')
    # 7 clips in batches of 2 on 2 processes: one clip is repeated and must not count twice.
    program = tmp_path / 'program.py'
    paths = [str(ROOT), str(ROOT / 'tests')]
    program.write_text(PROGRAM.format(paths=paths, config=str(tmp_path / 'config.py')))
    command = [sys.executable, '-m', 'torch.distributed.run', '--standalone']
    command += ['--nproc_per_node=2', str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    alone, both = (
        json.loads((tmp_path / f'{name}.json').read_text()) for name in ('alone', 'both')
    )
    assert len(alone['clips']) == 7
    assert both['metrics'] == alone['metrics']
    for one, other in zip(alone['clips'], both['clips'], strict=True):
        assert Path(one['clip']) == Path(other['clip'])
        assert one['predicted'] == other['predicted']
        assert one['scores'] == pytest.approx(other['scores'], abs=1e-6)
