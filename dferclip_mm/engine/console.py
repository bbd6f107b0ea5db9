"""What a person reads on the console; the log file holds everything."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from mmengine.logging import MMLogger
from mmengine.runner import Runner

# Messages of this many lines are environment, config and hooks.
_LONG = 10
# Of MMEngine: one for each parameter, what every run says, and warnings that ask for nothing.
_FOR_THE_FILE = re.compile(
    r'paramwise_options -- |set param |Distributed training is not used|Exp name: '
    r'|Checkpoints will be saved|"FileClient" will be deprecated|"HardDiskBackend" is the alias'
    r'|`(save|resume)_param_scheduler` is True but'
)


def is_for_people(record: logging.LogRecord) -> bool:
    """Whether a message belongs on the console as well; errors always do."""
    message = record.getMessage()
    long = record.levelno <= logging.INFO and message.count('\n') >= _LONG
    return record.levelno >= logging.ERROR or not (long or _FOR_THE_FILE.match(message))


class ConsoleRunner(Runner):
    """MMEngine's runner with a console that only shows what a person reads."""

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """MMEngine's logger; the console says where the file is."""
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if isinstance(handler, logging.FileHandler):
                logger.info(f'log with environment, config and hooks: {handler.baseFilename}')
            else:
                handler.addFilter(is_for_people)
        return logger


def describe_learning_rates(model: torch.nn.Module, optimizer: Any) -> Iterator[str]:
    """One line for each learning rate and weight decay: which parts of the model have them."""
    names = {id(value): name.split('.')[0] for name, value in model.named_parameters()}
    groups: dict[tuple[float, float, float], Counter[str]] = {}
    for group in optimizer.param_groups:
        # A schedule may have begun with another; OneCycle's goes up from its first one.
        first = group.get('initial_lr', group['lr'])
        rate = first, group.get('max_lr', first), group.get('weight_decay', 0)
        # MMEngine adds a group of its own, with no weight of the model.
        for value in [value for value in group['params'] if id(value) in names]:
            groups.setdefault(rate, Counter())[names[id(value)]] += value.numel()
    for (first, most, decay), weights in groups.items():
        lr = f'{first:g}' if most == first else f'from {first:g} up to {most:g}'
        parts = ', '.join(f'{name} ({count:,} weights)' for name, count in weights.items())
        yield f'learning rate {lr}, weight decay {decay:g}: {parts}'


def find_unused_rates(model: torch.nn.Module, keys: Iterable[str]) -> Iterator[str]:
    """A warning for each key of ``custom_keys`` that is part of no parameter's name."""
    names = [name for name, _ in model.named_parameters()]
    for key in keys:
        if not any(key in name for name in names):
            yield f'optim_wrapper.paramwise_cfg.custom_keys: no parameter has {key!r} in its name'
