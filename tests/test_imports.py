"""The direction of imports: which room may stand on which."""

import ast
from pathlib import Path

import pytest

import dferclip_mm

PACKAGE = Path(dferclip_mm.__file__).parent

# The rooms of the package, and what else of ours each may import.
ALLOWED = {
    'compat': set(),
    'emotions': set(),
    'files': set(),
    'prompts': {'emotions'},
    'checkpoints': {'files'},
    'media': {'datasets', 'files'},
    'evaluation': {'files'},
    'converters': {'checkpoints', 'emotions', 'files'},
    'models': {'checkpoints', 'emotions', 'prompts'},
    'transforms': {'media'},
    'datasets': {'emotions', 'media'},
    'precompute': {'files', 'media', 'models', 'transforms'},
    'dataset_check': {'datasets', 'emotions', 'files', 'media', 'transforms'},
    'engine': {'checkpoints', 'compat', 'emotions', 'files', 'media', 'models', 'precompute'},
}


def imports_of(path: Path) -> set[str]:
    """The rooms of our package that a file imports."""
    here = path.relative_to(PACKAGE.parent).with_suffix('').parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        names = []
        if isinstance(node, ast.ImportFrom):
            base = list(here[: len(here) - node.level]) if node.level else []
            module = '.'.join([*base, *((node.module or '').split('.') if node.module else [])])
            names = [f'{module}.{alias.name}' for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        parts = [name.split('.') for name in names]
        found |= {part[1] for part in parts if part[0] == 'dferclip_mm' and len(part) > 1}
    return found


def files():
    return [path for path in PACKAGE.rglob('*.py') if path != PACKAGE / '__init__.py']


@pytest.mark.parametrize('path', files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_rooms_stand_only_on_what_is_below(path):
    room = path.relative_to(PACKAGE).with_suffix('').parts[0]
    assert room in ALLOWED, f'{room} is a new room: say in ALLOWED what it may import'
    assert imports_of(path) - {room} <= ALLOWED[room]


def test_imports_are_read(tmp_path):
    """The reader above sees relative and absolute imports."""
    assert imports_of(PACKAGE / 'models' / 'heads' / 'text_prompt_head.py') >= {
        'emotions',
        'prompts',
    }


def test_nothing_imports_tools_or_configs():
    for path in files():
        text = path.read_text(encoding='utf-8')
        assert 'import tools' not in text
        assert 'import configs' not in text
