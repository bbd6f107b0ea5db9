"""The commands, samples and links of README.md and docs/ are valid.

The programs run in tests/tools, tests/run_pages.py, tests/smoke_wheel.sh and `make demo`; here each
command is compared with the files, options and config keys that it names.
"""

import re
import shlex
from pathlib import Path

import pytest
from mmengine.config import Config
from run_pages import RUN_ELSEWHERE, TUTORIALS, commands, read_blocks
from small_runs import ROOT, run_tool

from dferclip_mm.emotions import resolve_classes
from dferclip_mm.engine.checks.config_keys import check_config_keys
from dferclip_mm.prompts import load_prompts

PAGES = [*sorted(ROOT.glob('*.md')), *sorted(ROOT.glob('docs/*.md')), *TUTORIALS]
TEXTS = {path: path.read_text(encoding='utf-8') for path in PAGES}
# Pages whose Python is configs that change a shipped one.
CONFIG_PAGES = ('data.md', 'configuration.md', 'large_clips.md')
SHIPPED = ROOT / 'configs' / 'dferclip_dfew.py'


def blocks(language, pages=PAGES):
    """Those in lists too."""
    found = rf'^ *```{language}\n(.*?)^ *```'
    return [block for path in pages for block in re.findall(found, TEXTS[path], re.M | re.S)]


def all_commands():
    """Each command of the bash blocks as words, without environment variables."""
    # The tutorials are run as they stand.
    pages = [path for path in PAGES if path not in TUTORIALS]
    found = {}
    for line in commands('\n'.join(blocks('bash', pages))):
        words = shlex.split(re.sub(r'^([A-Z_]+=\S* +)+', '', line))
        found[tuple(words)] = None
    return list(found)


COMMANDS = all_commands()
PROGRAMS = {word for words in COMMANDS for word in words if re.fullmatch(r'tools/.*\.py', word)}


@pytest.mark.parametrize('words', COMMANDS, ids=' '.join)
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


@pytest.mark.parametrize('program', sorted(PROGRAMS))
def test_a_program_has_the_options_that_are_shown(program, capsys):
    with pytest.raises(SystemExit) as end:
        run_tool(Path(program).stem, '--help')
    assert end.value.code == 0
    printed = capsys.readouterr().out
    for words in COMMANDS:
        if program in words:
            for option in re.findall(r'(--[a-z-]+)', ' '.join(words)):
                assert option in printed, f'{program} has no {option}'


@pytest.mark.parametrize(
    'block', blocks('python', [path for path in PAGES if path.name in CONFIG_PAGES])
)
def test_a_sample_config_builds_on_a_shipped_one(block, tmp_path):
    base = '' if '_base_' in block else "_base_ = 'dferclip_dfew.py'\n"
    path = tmp_path / 'sample.py'
    path.write_text((base + block).replace("'dferclip_dfew.py'", f"'{SHIPPED}'"))
    cfg = Config.fromfile(path)
    check_config_keys(cfg)
    optional = {'in_channels', 'embed_dims', 'negative_prompts'}
    for part in ('neck', 'cls_head'):
        assert set(cfg.model[part]) - optional == set(Config.fromfile(SHIPPED).model[part])


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
    texts = [block.text for block in read_blocks(ROOT / 'README.md') if block.language == 'bash']
    assert set(RUN_ELSEWHERE) <= set(commands('\n'.join(texts)))
    assert 'tests/run_pages.py' in (ROOT / '.ci' / 'run').read_text()
    for command, (runner, said) in RUN_ELSEWHERE.items():
        assert said in (ROOT / runner).read_text(encoding='utf-8'), command
