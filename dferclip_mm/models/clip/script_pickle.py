"""What the pickle of a TorchScript archive says, as plain values: nothing is imported or called."""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import Any, NamedTuple


class Name(NamedTuple):
    """A class or function that the pickle names; it is not looked for."""

    module: str
    name: str


class Call(NamedTuple):
    """A call that the pickle asks for, and that is not made."""

    of: Name
    arguments: tuple[Any, ...]


class Stored(NamedTuple):
    """A storage, by what says where it is."""

    place: Any


class Instance:
    """An object of a class of the program, with the state that it would be given."""

    def __init__(self, of: Name) -> None:
        self.of = of
        self.state: Any = None


_CONSTANTS = {
    'NONE': None,
    'NEWTRUE': True,
    'NEWFALSE': False,
    'EMPTY_TUPLE': (),
}
_VALUES = ('BININT', 'BININT1', 'BININT2', 'LONG1', 'BINFLOAT', 'BINUNICODE', 'SHORT_BINSTRING')
_TUPLES = {'TUPLE1': 1, 'TUPLE2': 2, 'TUPLE3': 3}


def read_pickle(data: bytes) -> Any:
    """The object that a pickle of TorchScript describes.

    Its operations are those that TorchScript writes, and no others. Names, calls and objects come
    back as ``Name``, ``Call``, ``Stored`` and ``Instance``.

    Raises:
        ValueError: when it is no such pickle.
    """
    machine = _Machine()
    try:
        for operation, argument, _ in pickletools.genops(data):
            if operation.name == 'STOP':
                return machine.stack.pop()
            machine.run(operation.name, argument)
    except (IndexError, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = ' '.join(str(error).split())[:200] or type(error).__name__
        raise ValueError(f'its data.pkl is no pickle of TorchScript ({reason})') from error
    raise ValueError('its data.pkl is no pickle of TorchScript (it does not end)')


class _Machine:
    """The stack and the memory of a pickle's operations."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memory: dict[int, Any] = {}
        self._marks: list[int] = []
        self._operations: dict[str, Callable[[Any], None]] = {
            'APPEND': self._append,
            'APPENDS': self._appends,
            'BINPERSID': self._binpersid,
            'BUILD': self._build,
            'EMPTY_DICT': self._empty_dict,
            'EMPTY_LIST': self._empty_list,
            'GLOBAL': self._global,
            'MARK': self._mark,
            'NEWOBJ': self._newobj,
            'POP': self._pop,
            'PROTO': self._proto,
            'REDUCE': self._reduce,
            'SETITEM': self._setitem,
            'SETITEMS': self._setitems,
            'TUPLE': self._tuple,
        }

    def run(self, operation: str, argument: Any) -> None:
        """One operation."""
        stack = self.stack
        if operation in _CONSTANTS:
            stack.append(_CONSTANTS[operation])
        elif operation in _VALUES:
            stack.append(argument)
        elif operation in _TUPLES:
            stack.append(tuple(self._take(len(stack) - _TUPLES[operation])))
        elif operation in ('BINPUT', 'LONG_BINPUT'):
            self.memory[argument] = stack[-1]
        elif operation in ('BINGET', 'LONG_BINGET'):
            stack.append(self.memory[argument])
        elif operation in self._operations:
            self._operations[operation](argument)
        else:
            raise ValueError(f'it has the operation {operation}, which TorchScript never writes')

    def _take(self, start: int) -> list[Any]:
        if start < 0:
            raise IndexError('more is taken than there is')
        taken = self.stack[start:]
        del self.stack[start:]
        return taken

    def _marked(self) -> list[Any]:
        return self._take(self._marks.pop())

    def _proto(self, _: Any) -> None:
        pass

    def _mark(self, _: Any) -> None:
        self._marks.append(len(self.stack))

    def _pop(self, _: Any) -> None:
        self.stack.pop()

    def _tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._marked()))

    def _empty_list(self, _: Any) -> None:
        self.stack.append([])

    def _empty_dict(self, _: Any) -> None:
        self.stack.append({})

    def _append(self, _: Any) -> None:
        self._extend([self.stack.pop()])

    def _appends(self, _: Any) -> None:
        self._extend(self._marked())

    def _extend(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise TypeError('something is appended to what is no list')
        self.stack[-1].extend(items)

    def _setitem(self, _: Any) -> None:
        self._update(self._take(len(self.stack) - 2))

    def _setitems(self, _: Any) -> None:
        self._update(self._marked())

    def _update(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not dict:
            raise TypeError('an item is put into what is no dict')
        for key, value in zip(items[::2], items[1::2], strict=True):
            # Tuples of tuples can take for ever to be hashed.
            if not isinstance(key, str | int | float):
                raise TypeError(f'a {type(key).__name__} is the key of a dict')
            self.stack[-1][key] = value

    def _global(self, argument: str) -> None:
        module, name = argument.split(' ', 1)
        self.stack.append(Name(module, name))

    def _newobj(self, _: Any) -> None:
        of, arguments = self._take(len(self.stack) - 2)
        if not isinstance(of, Name) or arguments != ():
            raise TypeError('an object is made otherwise than TorchScript makes them')
        self.stack.append(Instance(of))

    def _build(self, _: Any) -> None:
        made, state = self._take(len(self.stack) - 2)
        if not isinstance(made, Instance):
            raise TypeError(f'a {type(made).__name__} is given a state')
        made.state = state
        self.stack.append(made)

    def _reduce(self, _: Any) -> None:
        of, arguments = self._take(len(self.stack) - 2)
        if not isinstance(of, Name) or type(arguments) is not tuple:
            raise TypeError('something else than a function is called')
        self.stack.append(Call(of, arguments))

    def _binpersid(self, _: Any) -> None:
        self.stack.append(Stored(self.stack.pop()))
