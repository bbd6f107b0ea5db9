"""A result that is kept for as long as the tensors that it follows from stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch


class TensorMemo:
    """Remembers one tensor, and the state of those it was computed from.

    A change in place, another storage, dtype or device, or another tensor under the same name is
    noticed. Parameters, and tensors made in `torch.inference_mode`, are compared by their values
    too, since EMA writes through ``.data``, which leaves no trace. Who writes into a buffer so,
    calls `forget`.
    """

    def __init__(self) -> None:
        self._sources: list[torch.Tensor] = []
        self._states: list[tuple] = []
        self._values: list[torch.Tensor] = []
        self._value: torch.Tensor | None = None

    @torch.compiler.disable
    def get(
        self, sources: Iterable[torch.Tensor], compute: Callable[[], torch.Tensor]
    ) -> torch.Tensor:
        """The remembered tensor, computed again where one of `sources` has changed."""
        sources = list(sources)
        states = [_state(tensor) for tensor in sources]
        if self._value is None or not self._holds(sources, states):
            self._value = compute()
            # The sources are held, so that no new tensor can take their place in memory.
            self._sources, self._states = sources, states
            self._values = [tensor.detach().clone() for tensor in filter(_leaves_no_trace, sources)]
        return self._value

    def forget(self) -> None:
        """Compute again the next time."""
        self.__init__()  # type: ignore[misc]

    def _holds(self, sources: list[torch.Tensor], states: list[tuple]) -> bool:
        if states != self._states or len(sources) != len(self._sources):
            return False
        if any(new is not old for new, old in zip(sources, self._sources, strict=True)):
            return False
        return all(map(torch.equal, filter(_leaves_no_trace, sources), self._values))

    def __deepcopy__(self, memo: Any) -> TensorMemo:
        return type(self)()


def _leaves_no_trace(tensor: torch.Tensor) -> bool:
    """Whether a change of a tensor in place may not show in its version."""
    return isinstance(tensor, torch.nn.Parameter) or tensor.is_inference()


def _state(tensor: torch.Tensor) -> tuple:
    kind = tensor.device.type
    known = torch.amp.is_autocast_available(kind)
    autocast = known and torch.is_autocast_enabled(kind) and torch.get_autocast_dtype(kind)
    version = None if tensor.is_inference() else tensor._version
    return version, tensor.data_ptr(), tensor.dtype, tensor.device, autocast
