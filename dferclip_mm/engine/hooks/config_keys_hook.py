"""A run does not start with a config that it reads only in part."""

from __future__ import annotations

from itertools import chain
from typing import Any

from mmaction.registry import HOOKS
from mmengine.hooks import CheckpointHook, Hook

from ...checkpoints.unwrap import unwrap_model
from ..config_keys import find_lost_best, find_lost_custom_keys, refuse, require_known_keys
from ..find_hook import find_hook


@HOOKS.register_module()
class ConfigKeysHook(Hook):
    """Stops a run at its start when keys of its config are misspelt.

    MMEngine ignores most of them. The programs in ``tools/`` look before they build the run; this
    hook does so for the host's own programs, and compares ``paramwise_cfg.custom_keys`` with the
    model.
    """

    priority = 'HIGHEST'

    def before_run(self, runner: Any) -> None:
        """Look through the config.

        Raises:
            ValueError: naming what is misspelt, and what was probably meant.
        """
        require_known_keys(runner.cfg)

    def before_train(self, runner: Any) -> None:
        """Compare the learning rates' parts with the model's, and ``save_best`` with the metrics.

        Raises:
            ValueError: when a part is close to one of the model, but is none, or when a metric of
                that name is not logged for the classes of the validation.
        """
        model = unwrap_model(runner.model)
        named = chain(model.named_parameters(), model.named_modules())
        refuse(find_lost_custom_keys(runner.cfg, (name for name, _ in named)))
        writer = find_hook(runner, CheckpointHook)
        if writer is not None and writer.save_best and runner.val_loop is not None:
            refuse(find_lost_best(writer.save_best, runner.val_evaluator.metrics))
