"""The wheel is complete, and building it does not change the source tree."""

from __future__ import annotations

import re
import runpy
import shutil
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
import yaml
from mini_corpora import write_dfew
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from processes import run_python
from small_runs import ROOT

from dferclip_mm import __version__

OPENCV = ['opencv-contrib-python==4.11', 'opencv-python==4.11']
SOURCES = ('dferclip_mm', 'configs', 'tools')
FILES = ('setup.py', 'dferclip.py', 'pyproject.toml', 'MANIFEST.in', 'README.md', 'LICENSE')


def files_below(folder: str) -> set[str]:
    """Relative paths of all files except compiled and hidden ones."""
    paths = [path for path in (ROOT / folder).rglob('*') if path.is_file()]
    names = {str(path.relative_to(ROOT / folder)) for path in paths}
    return {name for name in names if not re.search(r'(^|/)(\.|__pycache__)', name)}


@pytest.fixture(scope='module')
def built(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, from a copy of the files that it is built from."""
    source, folder = tmp_path_factory.mktemp('source'), tmp_path_factory.mktemp('wheel')
    for name in SOURCES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns('__pycache__'))
    for name in (*FILES, 'model-index.yml'):
        shutil.copy(ROOT / name, source)
    options = ['--no-deps', '--no-build-isolation', '--disable-pip-version-check']
    done = run_python('-m', 'pip', 'wheel', *options, '--wheel-dir', folder, source, path=source)
    assert done.returncode == 0, done.stderr[-2000:]
    assert not (source / 'dferclip_mm' / '.mim').exists()
    (path,) = folder.glob('*.whl')
    return zipfile.ZipFile(path)


def test_modules_tables_configs_tools_and_model_index_are_in_the_wheel_and_nothing_else(
    built: zipfile.ZipFile,
) -> None:
    # The last are names for MMEngine's `dferclip_mm::configs/NAME.py`.
    apart = re.compile(r'\.dist-info/|/configs/configs/')
    wheel = {name for name in built.namelist() if not apart.search(name)}
    expected = {f'dferclip_mm/{name}' for name in files_below('dferclip_mm')}
    for folder in ('configs', 'tools'):
        expected |= {f'dferclip_mm/.mim/{folder}/{name}' for name in files_below(folder)}
    expected |= {'dferclip.py', 'dferclip_mm/.mim/model-index.yml'}
    assert sorted(expected ^ wheel) == [
        f'dferclip_mm/.mim/configs/demo_{name}'
        for name in ('custom.py', 'dferclip.py', 'emoclip.py', 'emoclip_prompts.json')
    ]


PROGRAM = """
import sys
from dferclip_mm.engine.options import load_config, merge_data_options
from dferclip import main
from mmengine.hub import get_config
from mmengine.runner import Runner
assert get_config('dferclip_mm::configs/dferclip_dfew.py').model.cls_head.num_context == 8
cfg = load_config('own.py', work_dir='run')
assert cfg.model.cls_head.num_context == 4
merge_data_options(cfg, data_root='DFEW')
assert len(Runner.build_dataloader(cfg.train_dataloader).dataset) == 7
sys.argv = ['dferclip', 'analyze', '-h']
main()
"""


def test_the_wheel_has_bases_by_the_name_of_the_package_and_a_command_for_its_programs(
    built: zipfile.ZipFile, tmp_path: Path
) -> None:
    built.extractall(tmp_path / 'installed')
    (entries,) = tmp_path.glob('installed/*.dist-info/entry_points.txt')
    assert 'dferclip = dferclip:main' in entries.read_text()
    write_dfew(tmp_path / 'DFEW')
    own = "_base_ = 'dferclip_mm::configs/dferclip_dfew.py'\n"
    (tmp_path / 'own.py').write_text(own + 'model = dict(cls_head=dict(num_context=4))\n')
    done = run_python('-W', 'ignore', '-c', PROGRAM, path=tmp_path / 'installed', cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert 'Failed to' not in done.stdout + done.stderr
    assert done.stdout.startswith('usage: analyze.py [-h]')


def test_the_model_index_names_configs_that_exist_and_the_citation_the_version() -> None:
    for name in yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']:
        metafile = yaml.safe_load((ROOT / name).read_text())
        collections = {each['Name'] for each in metafile['Collections']}
        assert metafile['Models']
        for model in metafile['Models']:
            assert model['In Collection'] in collections
            assert (ROOT / model['Config']).is_file()
            assert Path(model['Config']).stem == model['Name']
    assert yaml.safe_load((ROOT / 'CITATION.cff').read_text())['version'] == __version__


def test_constraints_lie_within_the_declared_ranges(built: zipfile.ZipFile) -> None:
    lines = (ROOT / 'requirements' / 'constraints.txt').read_text().splitlines()
    pins = {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix('==')
        for pin in (Requirement(line) for line in lines if not line.startswith('#'))
        if pin.marker is None or pin.marker.evaluate({'python_version': '3.11'})
    }
    (metadata,) = (name for name in built.namelist() if name.endswith('.dist-info/METADATA'))
    declared = message_from_bytes(built.read(metadata)).get_all('Requires-Dist')
    for requirement in map(Requirement, declared):
        version = pins[canonicalize_name(requirement.name)]
        assert version in requirement.specifier, requirement


@pytest.mark.parametrize(
    ('installed', 'expected'),
    [
        ({}, ['Open_CLIP.x==3', 'torch==2.14.1', 'torchvision==0.29.1', *OPENCV]),
        (
            {'open-clip-x': '1', 'opencv-python': '4.11', 'opencv-contrib-python': '4.11'},
            ['torch==2.14.1', 'torchvision==0.29.1'],
        ),
        (
            {'torch': '2.14.1+cu130'},
            ['Open_CLIP.x==3', 'torchvision==0.29.1', *OPENCV, 'torch==2.14.1'],
        ),
        ({'torch': '2.8.0+cu128'}, ['Open_CLIP.x==3', *OPENCV, 'torch==2.8.0']),
    ],
)
def test_an_existing_environment_keeps_its_packages(
    installed: dict[str, str], expected: list[str]
) -> None:
    program = runpy.run_path(str(ROOT / 'requirements' / 'install.py'))
    lines = ['# tested', 'Open_CLIP.x==3', 'torch==2.14.1', 'torchvision==0.29.1', *OPENCV]
    assert program['constraints_for'](lines, installed) == expected
