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
        if isinstance(node, ast.ImportFrom):
            base = [*here[: len(here) - node.level]] if node.level else []
            base += [node.module] if node.module else []
        elif isinstance(node, ast.Import):
            base = []
        else:
            continue
        names = ['.'.join([*base, alias.name]) for alias in node.names]
        found |= {name.split('.')[1] for name in names if name.startswith('dferclip_mm.')}
    return found


def find_rooms() -> dict[str, set[str]]:
    """Every room of the package, and what its files import of the other rooms."""
    rooms: dict[str, set[str]] = {}
    for path in PACKAGE.rglob('*.py'):
        room = path.relative_to(PACKAGE).with_suffix('').parts[0]
        rooms[room] = rooms.get(room, set()) | imports_of(path)
    del rooms['__init__']
    return {room: found - {room} for room, found in rooms.items()}


ROOMS = find_rooms()


@pytest.mark.parametrize('room', sorted(ALLOWED | ROOMS))
def test_a_room_imports_what_is_listed_below_it_and_nothing_else(room: str) -> None:
    assert ROOMS[room] == ALLOWED[room]
    assert ALLOWED[room] <= set([*ALLOWED][: [*ALLOWED].index(room)])
