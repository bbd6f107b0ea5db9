"""What the host's EarlyStoppingHook remembers, which no checkpoint of the host holds."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from mmengine.hooks import EarlyStoppingHook, Hook

STOPPING = 'early_stopping'


def store_stopping(
    runner: Any, writer: Hook, scores: Mapping[str, Any], hub: dict[str, Any]
) -> None:
    """Add to a checkpoint the best score of each such hook, and how often none was better.

    Args:
        runner: whose hooks they are.
        writer: the hook that writes the checkpoint.
        scores: those of the validation that it is written in, which a run that is resumed does not
            make again; hooks that come after `writer` have not seen them yet. Empty elsewhere.
        hub: the checkpoint's ``message_hub``; changed.
    """
    hooks = list(runner.hooks)
    states = [
        _state(hook, scores if hooks.index(hook) > hooks.index(writer) else {})
        for hook in _hooks(runner)
    ]
    hub['runtime_info'].pop(STOPPING, None)
    if states:
        # Said by a hook that came before.
        stopped = getattr(runner.train_loop, 'stop_training', False)
        states = [{**state, 'stop': state['stop'] or stopped} for state in states]
        hub['runtime_info'][STOPPING] = states
        hub['resumed_keys'][STOPPING] = True


def _state(hook: EarlyStoppingHook, scores: Mapping[str, Any]) -> dict[str, Any]:
    stop, after = False, copy.copy(hook)
    if hook.monitor in scores:
        stop, _ = after._check_stop_condition(scores[hook.monitor])
    return {
        'monitor': hook.monitor,
        'rule': hook.rule,
        'best_score': float(after.best_score),
        'wait_count': after.wait_count,
        'stop': stop,
    }


def take_stopping(runner: Any) -> None:
    """Hand what a checkpoint holds on to the run's hooks, before training.

    A hook that looks at another metric than the one in its place did, or the other way, begins
    anew.
    """
    stored = runner.message_hub.runtime_info.get(STOPPING)
    if not isinstance(stored, list):
        return
    for hook, state in zip(_hooks(runner), stored, strict=False):
        if not isinstance(state, Mapping):
            continue
        same = (state.get('monitor'), state.get('rule')) == (hook.monitor, hook.rule)
        best, waited = state.get('best_score'), state.get('wait_count')
        if same and isinstance(best, float) and type(waited) is int:
            hook.best_score, hook.wait_count = best, waited
            if state.get('stop') is True:
                runner.logger.info(f'{hook.monitor} had stopped this run early')
                runner.train_loop.stop_training = True


def _hooks(runner: Any) -> list[EarlyStoppingHook]:
    return [hook for hook in runner.hooks if isinstance(hook, EarlyStoppingHook)]
