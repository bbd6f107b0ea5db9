"""The direction of imports: which room may stand on which."""

import ast
from pathlib import Path

import pytest

import dferclip_mm

PACKAGE = Path(dferclip_mm.__file__).parent

# What each room of the package imports of the other rooms: this, and nothing else. The order is
# from the bottom up, so no room imports one that comes after it.
ALLOWED: dict[str, set[str]] = {
    'compat': set(),
    'registry': set(),
    'emotions': set(),
    'files': set(),
    'prompts': set(),
    'checkpoints': {'files'},
    'media': {'files'},
    'evaluation': {'emotions', 'files', 'media'},
    'models': {'checkpoints', 'emotions', 'prompts'},
    'converters': {'checkpoints', 'emotions', 'models'},
    'faces': {'checkpoints', 'files', 'media'},
    'transforms': {'media'},
    'datasets': {'emotions', 'media', 'transforms'},
    'precompute': {'datasets', 'faces', 'files', 'media', 'models', 'transforms'},
    'dataset_check': {'datasets', 'emotions', 'media', 'transforms'},
    'engine': {'checkpoints', 'files', 'media', 'precompute'},
    'explain': {'emotions', 'models'},
    'export': {'explain', 'files', 'models'},
    'inference': {
        *('emotions', 'engine', 'explain', 'export', 'faces', 'files', 'media', 'precompute'),
    },
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


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix('').parts[0]


FILES = [path for path in PACKAGE.rglob('*.py') if path != PACKAGE / '__init__.py']


def test_every_room_is_listed() -> None:
    assert {room_of(path) for path in FILES} == set(ALLOWED)


@pytest.mark.parametrize('room', ALLOWED)
def test_a_room_imports_what_is_listed_and_nothing_else(room: str) -> None:
    found = [imports_of(path) for path in FILES if room_of(path) == room]
    assert set().union(*found) - {room} == ALLOWED[room]


@pytest.mark.parametrize('room', ALLOWED)
def test_a_room_imports_only_rooms_below_it(room: str) -> None:
    rooms = list(ALLOWED)
    assert ALLOWED[room] <= set(rooms[: rooms.index(room)])
