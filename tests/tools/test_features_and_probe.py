"""From clips to features to linear models, as a user goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_runs import run_tool, small_config, write_corpora


@pytest.fixture
def extracted(work_dir: Path) -> Callable[..., dict]:
    write_corpora(work_dir / 'data')

    def extract(name: str, out: str, *options: str, checkpoint: str = 'none') -> dict:
        cfg = small_config(name, work_dir / 'data', work_dir / 'run')
        cfg.dump(f'{name}.py')
        run_tool('extract_features', f'{name}.py', checkpoint, out, '--batch-size', '3', *options)
        return dict(np.load(out))

    return extract


def test_features_of_labelled_clips_train_a_linear_probe(
    extracted: Callable[..., dict], capsys: pytest.CaptureFixture[str]
) -> None:
    # A config that trains, so that it has both parts; nothing random in either.
    seed = ('--cfg-options', 'model.cls_head.classes=dfew')
    train = extracted('emoclip_supervised_dfew', 'train.npz', '--data', 'train', *seed)
    test = extracted('emoclip_supervised_dfew', 'test.npz', *seed)
    assert train['features'].shape == test['features'].shape == (7, 32)
    assert train['logits'].shape == (7, 7)
    assert train['labels'].tolist() == list(range(7))
    assert Path(train['clips'][0]).name == '00001'
    assert Path(test['clips'][0]).name == '00002'
    capsys.readouterr()
    run_tool('linear_probe', 'train.npz', 'train.npz')
    assert 'UAR 100.00 %   WAR 100.00 %' in capsys.readouterr().out
    run_tool('linear_probe', 'train.npz', 'test.npz')
    assert 'happiness' in capsys.readouterr().out


def test_features_of_scored_clips_train_a_linear_probe(
    extracted: Callable[..., dict], capsys: pytest.CaptureFixture[str]
) -> None:
    train = extracted('emoclip_downstream', 'train.npz', '--data', 'train')
    assert train['scores'].tolist() == [[0.0], [0.5], [1.0], [1.5]]
    assert train['targets'].tolist() == ['severity']
    capsys.readouterr()
    run_tool('linear_probe', 'train.npz', 'train.npz', '--strength', '1000')
    table = capsys.readouterr().out.split()
    assert table[:4] == ['PCC', 'CCC', 'MAE', 'RMSE']
    assert table[4] == 'mean'
    assert float(table[5]) > 0.99


def test_what_is_no_feature_file_is_refused(extracted: Callable[..., dict]) -> None:
    np.savez('other.npz', a=np.zeros(1))
    Path('table.csv').write_text('a,b\n1,2\n')
    for name, said in (
        ('missing.npz', 'no features at missing.npz'),
        ('other.npz', 'other.npz: expected a file of tools/extract_features.py, found'),
        ('table.csv', 'table.csv: expected a file of tools/extract_features.py, found'),
    ):
        with pytest.raises(SystemExit, match=said):
            run_tool('linear_probe', name, name)
    with pytest.raises(SystemExit, match='the config has no train_dataloader'):
        extracted('emoclip_zeroshot_dfew', 'out.npz', '--data', 'train')


@pytest.mark.parametrize(('data', 'policy'), [('test', 'wrong'), ('train', 'replace')])
def test_a_clip_that_cannot_be_read_has_no_features(
    work_dir: Path, extracted: Callable[..., dict], data: str, policy: str
) -> None:
    """Neither another clip's nor an empty one's, whatever the run that is configured would do."""
    clip = '00003' if data == 'train' else '00004'
    (work_dir / f'data/DFEW/Clip/clip_224x224/{clip}/1.jpg').write_bytes(b'')
    option = f'{data}_dataloader.dataset.unreadable={policy}'
    with pytest.raises(SystemExit, match=rf'{clip} \(listed in .*\): .* is empty'):
        extracted('dferclip_dfew', 'out.npz', '--data', data, '--cfg-options', option)
    assert not (work_dir / 'out.npz').exists()
