"""Every Exp-CLIP config runs at a small size."""

import pytest
import torch
from clip_files import write_text
from mini_corpora import write_clip
from safetensors.torch import save_file
from small_runs import FRAMES, small_config, start

CORPORA = dict(dfew='neutral', ferv39k='fear', mafw='contempt', afew='anger')


@pytest.fixture(scope='module')
def faces(tmp_path_factory):
    """Four faces without labels, and a language model's features of them."""
    root = tmp_path_factory.mktemp('faces')
    names = [f'clip{number}' for number in range(4)]
    for name in names:
        write_clip(root / f'faces/clips/{name}', 3, 'jpg')
    write_text(root / 'faces/clips.csv', '\n'.join(['clip', *names]))
    features = {name: torch.randn(4096) for name in names}
    save_file(features, root / 'faces/llm_features.safetensors')
    return root


@pytest.fixture(scope='module')
def trained(faces, tmp_path_factory):
    """A small run of configs/expclip.py: its model before and after, and its checkpoint."""
    work_dir = tmp_path_factory.mktemp('run')
    cfg = small_config('expclip', faces, work_dir)
    cfg.model.num_frames = 1
    steps = cfg.train_dataloader.dataset.pipeline
    steps[0].file = str(faces / 'faces/llm_features.safetensors')
    steps[2].num_frames = 1
    runner = start(cfg)
    before = {key: value.clone() for key, value in runner.model.state_dict().items()}
    runner.train()
    return before, runner.model.state_dict(), str(work_dir / 'epoch_1.pth')


def test_training_on_a_language_models_features_changes_the_matrix_alone(trained):
    before, after, _ = trained
    changed = [key for key in after if not torch.equal(before[key], after[key])]
    assert changed == ['cls_head.projection.weight']


@pytest.mark.parametrize(('corpus', 'emotion'), CORPORA.items())
def test_a_trained_matrix_is_evaluated_on_each_corpus(corpus, emotion, corpora, trained, tmp_path):
    cfg = small_config(f'expclip_zeroshot_{corpus}', corpora, tmp_path, load_from=trained[2])
    cfg.model.cls_head.prompts = 'expression_ensemble_10'
    runner = start(cfg)
    found = runner.test()
    assert 0 <= found['dfer/UAR'] <= 100
    assert f'dfer/recall/{emotion}' in found
    assert runner.model.num_frames == FRAMES
