"""What the README tells people to type and to write must exist and hold.

The programs themselves run in tests/tools, tests/smoke_wheel.sh and `make demo`; here each command
is held against the files, the options and the config keys that it names.
"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config

ROOT = Path(__file__).parent.parent
README = (ROOT / 'README.md').read_text(encoding='utf-8')


def blocks(language):
    return re.findall(rf'^```{language}\n(.*?)^```', README, re.M | re.S)


def commands():
    """Each command of the bash blocks, as words, without variables in front."""
    lines = '\n'.join(blocks('bash')).replace('\\\n', ' ').splitlines()
    found = []
    for line in lines:
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r'[A-Z_]+=.*', words[0]):
            words.pop(0)
        if words:
            found.append(words)
    return found


@pytest.mark.parametrize('words', commands(), ids=' '.join)
def test_command_names_what_exists(words):
    for word in words:
        if word.startswith(('tools/', 'configs/', 'requirements/')):
            assert (ROOT / word).is_file(), f'{word} does not exist'
    if words[0] == 'make':
        assert re.search(rf'^{words[1]}:', (ROOT / 'Makefile').read_text(), re.M)
    configs = [word for word in words if word.startswith('configs/')]
    settings = [word for word in words if re.fullmatch(r'[a-z_]+(\.\w+)+=.*', word)]
    for setting in settings:
        check_setting(Config.fromfile(ROOT / configs[0]), setting.partition('=')[0])


OPTIONAL = {'ann_file', 'data_prefix', 'clips', 'bootstrap', 'save_to'}


def check_setting(cfg, key):
    """A key of --cfg-options leads to a setting of the config, or to an argument left out there."""
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
def test_program_explains_itself_and_has_the_options_named(program):
    done = subprocess.run(
        [sys.executable, str(ROOT / program), '--help'],
        capture_output=True,
        text=True,
        check=False,
        env={'PYTHONPATH': str(ROOT), 'PATH': ''},
    )
    assert done.returncode == 0, done.stderr[-500:]
    for words in commands():
        if program in words:
            for option in re.findall(r'(--[a-z-]+)', ' '.join(words)):
                assert option in done.stdout, f'{program} has no {option}'


def test_configs_in_the_text_merge(tmp_path):
    for number, block in enumerate(blocks('python')):
        base = '' if '_base_' in block else "_base_ = 'dferclip_dfew.py'\n"
        path = tmp_path / f'readme_{number}.py'
        text = (base + block).replace("'dferclip_dfew.py'", f"'{ROOT}/configs/dferclip_dfew.py'")
        path.write_text(text)
        cfg = Config.fromfile(path)
        assert cfg.model.type == 'FrameRecognizer'
        shipped = Config.fromfile(ROOT / 'configs' / 'dferclip_dfew.py')
        for part in ('neck', 'cls_head'):
            assert set(cfg.model[part]) == set(shipped.model[part]), f'{part}: a name is misspelt'


def test_prompt_file_in_the_text_is_one():
    from dferclip_mm.prompts import parse_prompts

    (block,) = blocks('yaml')
    assert parse_prompts(block.encode(), 'readme.yaml') == {
        name: [text] if isinstance(text, str) else text
        for name, text in yaml.safe_load(block).items()
    }


def test_links_and_pictures_exist():
    for target in re.findall(r'\]\(([^)#]+)\)', README):
        if not target.startswith('http'):
            assert (ROOT / target).exists(), f'{target} does not exist'
