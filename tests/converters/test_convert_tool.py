import json

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from official_layouts import save_like_dferclip


def test_files_are_all_that_a_model_needs(tmp_path, run_tool, dferclip_file):
    target = tmp_path / 'folder' / 'model.pth'
    run_tool('convert_checkpoint', dferclip_file, target, '--context-position', 'middle')
    names = ['model.prompts.json', 'model.pth', 'model.py']
    assert sorted(path.name for path in target.parent.iterdir()) == names

    # All three can be moved together.
    moved = target.parent.rename(tmp_path / 'moved')
    cfg = Config.fromfile(moved / 'model.py')
    assert cfg.model.cls_head.prompts == str(moved / 'model.prompts.json')
    assert cfg.test_dataloader.dataset.type == 'DFEWDataset'
    checkpoint = torch.load(moved / 'model.pth', weights_only=True)
    init_default_scope('mmaction')
    model = MODELS.build(cfg.model)
    model.load_state_dict(checkpoint['state_dict'], strict=True)
    assert model.cls_head.prompt_learner.context_position == 'middle'
    assert json.dumps(checkpoint['meta'])
    assert checkpoint['meta']['classes'] == list(model.cls_head.classes)


def test_corpus_decides_the_config(tmp_path, run_tool, dferclip_file, capsys):
    target = tmp_path / 'model.pth'
    run_tool('convert_checkpoint', dferclip_file, target, '--classes', 'ferv39k')
    cfg = Config.fromfile(target.with_suffix('.py'))
    assert cfg.test_dataloader.dataset.type == 'FERV39kDataset'
    with pytest.raises(SystemExit):
        run_tool('convert_checkpoint', target, target, '--back')
    assert 'is the source itself' in capsys.readouterr().err


def test_nothing_is_written_on_an_error(tmp_path, run_tool, dferclip_state):
    source = tmp_path / 'source.pth'
    state = dict(dferclip_state)
    del state['temporal_net.cls_token']
    save_like_dferclip(state, source)
    with pytest.raises(SystemExit, match=r'^error: .*1 only in the model: temporal_net\.cls_token'):
        run_tool('convert_checkpoint', source, tmp_path / 'folder' / 'model.pth')
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize(
    ('target', 'options', 'message'),
    [
        ('model.py', [], 'take a name that ends in .pth'),
        ('model.pth', ['--config', 'nowhere.py'], 'no config at nowhere.py'),
        ('model.pth', ['--classes', *'abcdefg'], 'there is no config for these classes'),
    ],
)
def test_wrong_options_are_explained(tmp_path, run_tool, dferclip_file, target, options, message):
    with pytest.raises(SystemExit, match=message):
        run_tool('convert_checkpoint', dferclip_file, tmp_path / target, *options)
    assert list(tmp_path.iterdir()) == []
