"""What is wrong with this run before its first step?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmaction.registry import HOOKS
from mmengine.dist import get_world_size
from mmengine.hooks import CheckpointHook, Hook

from ...checkpoints.unwrap import unwrap_model
from ...precompute import check_frame_features
from ..checks.classes import (
    check_equal,
    check_head,
    is_bound_to_classes,
    names_of,
    trained_classes,
)
from ..checks.config_keys import check_config_keys, check_save_best, custom_keys
from ..checks.data import check_frames, check_labels, check_metric_names, check_subjects
from ..checks.dry_run import check_one_clip
from ..checks.lost_settings import find_lost_variables
from ..checks.protocol import (
    describe_protocol,
    describe_selection,
    describe_source,
    find_batch_size_mismatch,
)
from ..class_counts import build_train_dataset, tell_class_counts
from ..console import describe_learning_rates, find_unused_rates
from ..lookup import find_hook, unwrap_datasets


@HOOKS.register_module()
class StartupCheckHook(Hook):
    """Stops a run before its first step when its config, data, head or checkpoint do not fit.

    In this order: misspelt config keys; the classes of a checkpoint, the data and the head; labels,
    class names and numbers of frames; cached features; one clip of training and of validation
    through the model. Then it logs how the resulting checkpoint is chosen, and warns about learning
    rates for another batch size.
    """

    # Before StrictLoadHook, which could only name two shapes.
    priority = 'HIGHEST'

    def __init__(self) -> None:
        self._trained: tuple[str, ...] = ()
        self._selection = ''
        self._meta: Mapping[str, Any] = {}

    def before_run(self, runner: Any) -> None:
        """Check the config."""
        check_config_keys(runner.cfg)
        for warning in find_lost_variables(runner.cfg):
            runner.logger.warning(warning)

    def after_load_checkpoint(self, runner: Any, checkpoint: Any) -> None:
        """Read the classes of the checkpoint: training may go on with others, testing not."""
        if not isinstance(checkpoint, Mapping):
            # StrictLoadHook refuses it.
            return
        self._meta = checkpoint.get('meta') or {}
        if is_bound_to_classes(_head(runner)):
            self._trained = trained_classes(checkpoint)

    def before_train(self, runner: Any) -> None:
        """Check everything that training and its validation need."""
        loaders = {'train_dataloader': runner.train_dataloader}
        writer = find_hook(runner, CheckpointHook)
        if runner.val_loop is not None:
            loaders['val_dataloader'] = runner.val_dataloader
            several = getattr(runner.val_dataloader.dataset, 'multi_class', None)
            if writer is not None:
                check_save_best(writer, runner.val_evaluator.metrics, several)
            check_metric_names(runner.val_evaluator.metrics, 'val_dataloader')
        datasets = {key: loader.dataset for key, loader in loaders.items()}
        for key, dataset in datasets.items():
            _check_data(runner, dataset, key)
        check_subjects(runner.cfg, datasets)
        tell_class_counts(_head(runner), lambda: datasets['train_dataloader'], training=True)
        if runner.val_loop is not None and is_bound_to_classes(_head(runner)):
            check_equal('classes', *((key, names_of(each)) for key, each in datasets.items()))
        training = runner.model.training
        runner.model.eval()
        for key, loader in loaders.items():
            check_one_clip(runner.model, loader, key)
        runner.model.train(training)
        self._tell(runner, datasets.get('val_dataloader'), getattr(writer, 'save_best', None))

    def _tell(self, runner: Any, val_dataset: Any, save_best: list[str] | None) -> None:
        """Log what a person should know before the training begins."""
        model, cfg = unwrap_model(runner.model), runner.cfg
        self._selection = describe_selection(val_dataset, save_best)
        for line in describe_learning_rates(model, runner.optim_wrapper):
            runner.logger.info(line)
        runner.logger.info(f'protocol: {describe_protocol(val_dataset, save_best)}')
        mismatch = find_batch_size_mismatch(
            cfg.get('auto_scale_lr') or {},
            runner.train_dataloader.batch_size,
            get_world_size(),
            (cfg.get('optim_wrapper') or {}).get('accumulative_counts', 1),
        )
        for warning in (*mismatch, *find_unused_rates(model, custom_keys(cfg))):
            runner.logger.warning(warning)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Store how the best checkpoint is chosen, for the results of its test."""
        checkpoint['meta']['selection'] = self._selection

    def before_val(self, runner: Any) -> None:
        """Check the features of the validation data, where nothing is trained."""
        _check_cached_features(runner, runner.val_dataloader.dataset)

    def before_test(self, runner: Any) -> None:
        """Check the classes and features of the test data, and tell the metrics their source."""
        dataset, metrics = runner.test_dataloader.dataset, runner.test_evaluator.metrics
        _check_data(runner, dataset, 'test_dataloader')
        check_metric_names(metrics, 'test_dataloader')
        tell_class_counts(_head(runner), lambda: build_train_dataset(runner.cfg))
        tested = ('test_dataloader', names_of(dataset))
        check_equal('classes', ('the checkpoint', self._trained), tested)
        for metric in metrics:
            if hasattr(metric, 'source'):
                metric.source = describe_source(runner._load_from, self._meta, dataset)


def _head(runner: Any) -> Any:
    return getattr(unwrap_model(runner.model), 'cls_head', None)


def _check_data(runner: Any, dataset: Any, key: str) -> None:
    check_head(_head(runner), dataset, key)
    check_labels(dataset, _head(runner), key)
    check_frames(dataset, runner.cfg.get('model') or {}, key)
    _check_cached_features(runner, dataset)


def _check_cached_features(runner: Any, dataset: Any) -> None:
    """Frame features must be those that the model would compute; none are given before this."""
    for each in unwrap_datasets(dataset):
        check_frame_features(each, unwrap_model(runner.model))
