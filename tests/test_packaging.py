"""The wheel is complete, and building it does not change the source tree."""

from __future__ import annotations

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

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / 'dferclip_mm'
OPENCV = ['opencv-contrib-python==4.11', 'opencv-python==4.11']


def files_below(folder: Path) -> set[str]:
    """Relative paths of all files except compiled and hidden ones."""
    paths = (path.relative_to(folder) for path in folder.rglob('*') if path.is_file())
    return {
        str(path)
        for path in paths
        if '__pycache__' not in path.parts and not any(part[0] == '.' for part in path.parts)
    }


@pytest.fixture(scope='module')
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the files that a wheel is built from."""
    folder = tmp_path_factory.mktemp('source')
    for name in ('dferclip_mm', 'configs', 'tools'):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns('__pycache__'))
    for name in (
        'setup.py',
        'dferclip.py',
        'pyproject.toml',
        'MANIFEST.in',
        'README.md',
        'LICENSE',
    ):
        shutil.copy(ROOT / name, folder)
    shutil.copy(ROOT / 'model-index.yml', folder)
    return folder


@pytest.fixture(scope='module')
def built(source: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel."""
    folder = tmp_path_factory.mktemp('wheel')
    options = ['--no-deps', '--no-build-isolation', '--disable-pip-version-check']
    done = run_python('-m', 'pip', 'wheel', *options, '--wheel-dir', folder, source, path=source)
    assert done.returncode == 0, done.stderr[-2000:]
    (path,) = folder.glob('*.whl')
    return zipfile.ZipFile(path)


@pytest.fixture(scope='module')
def wheel(built: zipfile.ZipFile) -> set[str]:
    """Names of the files in the wheel."""
    return set(built.namelist())


def test_modules_tables_configs_tools_and_model_index_are_in_the_wheel(
    wheel: set[str], source: Path
) -> None:
    expected = {f'dferclip_mm/{name}' for name in files_below(PACKAGE)}
    expected |= {f'dferclip_mm/.mim/configs/{name}' for name in files_below(ROOT / 'configs')}
    expected |= {f'dferclip_mm/.mim/tools/{name}' for name in files_below(ROOT / 'tools')}
    expected |= {'dferclip.py', 'dferclip_mm/.mim/model-index.yml'}
    assert sorted(expected - wheel) == [
        f'dferclip_mm/.mim/configs/demo_{name}'
        for name in ('custom.py', 'dferclip.py', 'emoclip.py', 'emoclip_prompts.json')
    ]
    assert not (source / 'dferclip_mm' / '.mim').exists()


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


def test_nothing_else_is_in_the_wheel(wheel: set[str]) -> None:
    assert {name.split('/')[0].split('-')[0] for name in wheel} == {'dferclip.py', 'dferclip_mm'}
    assert not [name for name in wheel if name.endswith('.pyc')]


def test_the_model_index_names_configs_that_exist() -> None:
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    models = []
    for name in index['Import']:
        metafile = yaml.safe_load((ROOT / name).read_text())
        collections = {each['Name'] for each in metafile['Collections']}
        assert {model['In Collection'] for model in metafile['Models']} <= collections
        models += metafile['Models']
    assert models
    for model in models:
        config = ROOT / model['Config']
        assert config.is_file()
        assert config.stem == model['Name']


def test_the_citation_has_the_packages_version() -> None:
    from dferclip_mm import __version__

    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text())
    assert citation['version'] == __version__


def constraints() -> list[Requirement]:
    lines = (ROOT / 'requirements' / 'constraints.txt').read_text().splitlines()
    return [Requirement(line) for line in lines if not line.startswith('#')]


def test_constraints_lie_within_the_declared_ranges(built: zipfile.ZipFile) -> None:
    pins = {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix('==')
        for pin in constraints()
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
