"""The commands, samples and links of README.md and docs/ are valid.

The programs run in tests/tools, tests/smoke_wheel.sh and `make demo`; here each command is compared
with the files, options and config keys that it names.
"""

import re
import shlex
from pathlib import Path

import pytest
import torch
from clip_files import write_frames
from mmaction.registry import MODELS
from mmengine.config import Config
from run_pages import RUN_ELSEWHERE, TUTORIALS, read_blocks
from run_pages import commands as commands_of

from dferclip_mm.emotions import resolve_classes
from dferclip_mm.engine.checks.config_keys import check_config_keys as check_known_keys
from dferclip_mm.prompts import load_prompts

ROOT = Path(__file__).parent.parent
PAGES = [*sorted(ROOT.glob('*.md')), *sorted(ROOT.glob('docs/*.md')), *TUTORIALS]
TEXTS = {path: path.read_text(encoding='utf-8') for path in PAGES}
# What runs a command of README.md that tests/run_pages.py leaves out contains this.
PROGRAMS = {
    'pip': 'pip install',
    'demo': 'tools/dist_train.sh',
    'demo-emoclip': 'demo_emoclip',
    'tools/cross_validate.py': 'tools/cross_validate.py',
}
# Pages whose Python is configs that change a shipped one.
CONFIG_PAGES = ('data.md', 'configuration.md', 'large_clips.md')


def blocks(language, pages=PAGES):
    found = rf'^ *```{language}\n(.*?)^ *```'
    return [block for path in pages for block in re.findall(found, TEXTS[path], re.M | re.S)]


def commands():
    """Each command of the bash blocks as words, without environment variables."""
    # The tutorials are run as they stand.
    pages = [path for path in PAGES if path not in TUTORIALS]
    lines = '\n'.join(blocks('bash', pages)).replace('\\\n', ' ').splitlines()
    found = []
    for line in lines:
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r'[A-Z_]+=.*', words[0]):
            words.pop(0)
        if words:
            found.append(words)
    return found


@pytest.mark.parametrize('words', [*dict.fromkeys(map(tuple, commands()))], ids=' '.join)
def test_a_command_names_existing_files_and_settings(words):
    for word in words:
        if word.startswith(('tools/', 'configs/', 'requirements/')):
            assert (ROOT / word).is_file(), f'{word} does not exist'
    if words[0] == 'make':
        assert re.search(rf'^{words[1]}:', (ROOT / 'Makefile').read_text(), re.M)
    configs = [word for word in words if word.startswith('configs/')]
    settings = [word for word in words if re.fullmatch(r'[a-z_]+(\.\w+)+=.*', word)]
    # A config that an earlier command writes is not there.
    for setting in settings if configs else ():
        check_setting(Config.fromfile(ROOT / configs[0]), setting.partition('=')[0])


OPTIONAL = {
    *('ann_file', 'data_prefix', 'bootstrap', 'save_to', 'measures'),
    *('votes', 'all_voted', 'shuffle', 'loss_cls'),
}


def check_setting(cfg, key):
    """A key of --cfg-options exists in the config, or is an optional argument."""
    node = cfg
    for name in key.split('.'):
        if name in OPTIONAL:
            return
        if isinstance(node, list):
            node = node[int(name)]
            continue
        assert name in node, f'{key}: the config has no {name}'
        node = node[name]


def programs():
    return sorted({word for words in commands() for word in words if word.endswith('.py')})


@pytest.mark.parametrize(
    'program', [name for name in programs() if name.startswith('tools/')], ids=str
)
def test_a_program_has_the_options_that_are_shown(program, run_tool, capsys):
    with pytest.raises(SystemExit) as end:
        run_tool(Path(program).stem, '--help')
    assert end.value.code == 0
    printed = capsys.readouterr().out
    for words in commands():
        if program in words:
            for option in re.findall(r'(--[a-z-]+)', ' '.join(words)):
                assert option in printed, f'{program} has no {option}'


@pytest.mark.parametrize(
    'block', blocks('python', [path for path in PAGES if path.name in CONFIG_PAGES])
)
def test_a_sample_config_builds_on_a_shipped_one(block, tmp_path):
    base = '' if '_base_' in block else "_base_ = 'dferclip_dfew.py'\n"
    path = tmp_path / 'sample.py'
    shipped = ROOT / 'configs' / 'dferclip_dfew.py'
    path.write_text((base + block).replace("'dferclip_dfew.py'", f"'{shipped}'"))
    cfg = Config.fromfile(path)
    check_known_keys(cfg)

    optional = {'in_channels', 'embed_dims', 'negative_prompts'}
    for part in ('neck', 'cls_head'):
        assert set(cfg.model[part]) - optional == set(Config.fromfile(shipped).model[part])


def test_the_sample_prompt_file_has_a_prompt_for_every_class(tmp_path):
    (block,) = blocks('yaml')
    path = tmp_path / 'my_prompts.yaml'
    path.write_text(block)
    classes = resolve_classes('dfew')
    prompts = dict(zip(classes, load_prompts(str(path), classes), strict=True))
    assert list(prompts['sadness']) == ['a lowered gaze.', 'mouth corners that sink.']
    assert list(prompts['anger']) == ['an expression of anger.']


@pytest.mark.parametrize('path', PAGES, ids=lambda path: path.name)
def test_a_link_leads_to_a_file(path):
    # What a page includes has links from its own folder, and is a page itself.
    for target in re.findall(r'\]\(([^)#\s]+)[^)]*\)', TEXTS[path]):
        if not target.startswith('http'):
            assert (path.parent / target).exists(), f'{target} does not exist'


def test_every_command_of_the_readme_is_run():
    """tests/run_pages.py runs what it is not told to leave out, and .ci/run runs that."""
    readme = [
        command
        for block in read_blocks(ROOT / 'README.md')
        if block.language == 'bash'
        for command in commands_of(block.text)
    ]
    assert RUN_ELSEWHERE.keys() <= set(readme)
    assert 'tests/run_pages.py' in (ROOT / '.ci' / 'run').read_text()
    for command, runner in RUN_ELSEWHERE.items():
        program = next(name for name in (*command.split(), 'pip') if name in PROGRAMS)
        assert PROGRAMS[program] in (ROOT / runner).read_text(encoding='utf-8')


def test_every_page_is_in_the_site():
    index = (ROOT / 'docs' / 'index.md').read_text(encoding='utf-8').splitlines()
    for path in ROOT.glob('docs/**/*.md'):
        page = path.relative_to(ROOT / 'docs').with_suffix('').as_posix()
        assert page in index or page == 'index' or '_build' in page, f'{page} is in no list'


def test_the_quick_start_classifies_a_clip(tmp_path, monkeypatch, capsys, tiny_model):
    """The Python of README.md, on a small model and a drawn clip."""
    quick = next(block for block in blocks('python', [ROOT / 'README.md']) if 'init_rec' in block)
    steps = Config.fromfile(ROOT / 'configs/dferclip_dfew.py').test_pipeline
    for step in steps:
        step.update(
            {key: 4 if key == 'num_frames' else 32 for key in ('num_frames', 'size') if key in step}
        )
    cfg = Config(dict(model=tiny_model, test_pipeline=steps, default_scope='mmaction'))
    cfg.test_dataloader = dict(dataset=dict(pipeline=steps))
    monkeypatch.chdir(tmp_path)
    cfg.dump('dfew_set_1_mm.py')
    model = MODELS.build(cfg.model)
    torch.save({'state_dict': model.state_dict()}, 'dfew_set_1_mm.pth')
    write_frames(tmp_path / 'clip', 6)
    exec(quick, {})
    lines = capsys.readouterr().out.splitlines()[-7:]
    assert [line.split()[0] for line in lines] == [*resolve_classes('dfew')]
    assert sum(float(line.split()[1].rstrip('%')) for line in lines) == pytest.approx(100, abs=0.5)
