"""Which keys the host reads at each place of a config, from the signatures of what it builds."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import mmaction.registry
import mmengine.registry
from mmengine.dist import init_dist
from mmengine.registry import Registry
from mmengine.runner import Runner
from mmengine.runner.utils import set_random_seed
from mmengine.utils.dl_utils import set_multi_processing
from open_clip import CLIP
from open_clip.model import CLIPTextCfg, CLIPVisionCfg
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.utils.data import DataLoader

# Accepted in every component: its class, and the library that the name is looked up in.
COMPONENT_KEYS = frozenset({'type', '_scope_'})
# Read beside Runner's own arguments, by MMEngine or by the programs.
_TOP = frozenset(
    {'custom_imports', 'runner_type', 'model_wrapper_cfg', 'find_unused_parameters', 'sync_bn'}
)
# Those that MMEngine fills in, and the names that others go by.
DEFAULT_HOOKS = frozenset(
    {'runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint'}
    | {'sync_buffers', 'visualization', 'early_stopping', 'ema'}
)
# The registry of what an argument holds; arguments without an entry hold what their owner is.
REGISTRIES = {
    'model': 'MODELS',
    'data_preprocessor': 'MODELS',
    'backbone': 'MODELS',
    'neck': 'MODELS',
    'cls_head': 'MODELS',
    'text_encoder': 'MODELS',
    'init_cfg': 'WEIGHT_INITIALIZERS',
    'dataset': 'DATASETS',
    'datasets': 'DATASETS',
    'pipeline': 'TRANSFORMS',
    'transforms': 'TRANSFORMS',
    'pixels': 'TRANSFORMS',
    'sampler': 'DATA_SAMPLERS',
    'batch_sampler': 'DATA_SAMPLERS',
    'collate_fn': 'FUNCTIONS',
    'worker_init_fn': 'FUNCTIONS',
    'train_cfg': 'LOOPS',
    'val_cfg': 'LOOPS',
    'test_cfg': 'LOOPS',
    'val_evaluator': 'METRICS',
    'test_evaluator': 'METRICS',
    'metrics': 'METRICS',
    'optim_wrapper': 'OPTIM_WRAPPERS',
    'optimizer': 'OPTIMIZERS',
    'param_scheduler': 'PARAM_SCHEDULERS',
    'custom_hooks': 'HOOKS',
    'log_processor': 'LOG_PROCESSORS',
    'visualizer': 'VISUALIZERS',
    'vis_backends': 'VISBACKENDS',
    'model_wrapper_cfg': 'MODEL_WRAPPERS',
    'model_wrapper': 'MODEL_WRAPPERS',
    'auto_wrap_policy': 'FUNCTIONS',
    'strategy': 'STRATEGIES',
}
# Read before the class is built, so not among its arguments.
BESIDE = {
    'HOOKS': {'priority'},
    'LOOPS': {'by_epoch'},
    'METRICS': {'metrics'},
    'OPTIM_WRAPPERS': {'constructor', 'paramwise_cfg'},
    'PARAM_SCHEDULERS': {'convert_to_iter_based', 'epoch_length'},
}
# Classes that MMEngine takes where a config names none.
DEFAULT_TYPES = {
    'optim_wrapper': 'OptimWrapper',
    'log_processor': 'LogProcessor',
    'val_cfg': 'ValLoop',
    'test_cfg': 'TestLoop',
}
# What `paramwise_cfg.custom_keys` may say of a part of the model.
MULTIPLIERS = frozenset({'lr_mult', 'decay_mult'})


def top_level_keys(cfg: Mapping[str, Any]) -> frozenset[str]:
    """What MMEngine reads at the top level of a config."""
    runner = find_class(cfg.get('runner_type', 'Runner'), 'RUNNERS') or Runner
    return (parameters_of(runner) - {'cfg'}) | _TOP


@cache
def loader_keys() -> frozenset[str]:
    """What MMEngine reads in ``train_dataloader`` and its like."""
    return parameters_of(DataLoader) | {'num_batch_per_epoch', 'disable_subprocess_warning'}


@cache
def plain_keys() -> dict[str, frozenset[str]]:
    """The keys of arguments that are dicts without a ``type``, by the argument's name."""
    return {
        'randomness': parameters_of(set_random_seed) | {'diff_rank_seed'},
        'auto_scale_lr': frozenset({'enable', 'base_batch_size'}),
        'custom_imports': frozenset({'imports', 'allow_failed_imports'}),
        'env_cfg': frozenset({'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'}),
        'mp_cfg': parameters_of(set_multi_processing),
        # The keyword arguments are those of PyTorch's init_process_group.
        'dist_cfg': parameters_of(init_dist) | {'timeout', 'init_method', 'port'},
        'clip_grad': parameters_of(clip_grad_norm_) | parameters_of(clip_grad_value_) | {'type'},
        'paramwise_cfg': MULTIPLIERS
        | {f'{part}_decay_mult' for part in ('bias', 'norm', 'dwconv', 'flat')}
        | {'custom_keys', 'bias_lr_mult', 'bypass_duplicate', 'dcn_offset_lr_mult'},
        'metainfo': frozenset({'classes', 'targets'}),
        'data_prefix': frozenset({'clips', 'img', 'video'}),
        'arch': parameters_of(CLIP) | {'custom_text'},
        'vision_cfg': parameters_of(CLIPVisionCfg),
        'text_cfg': parameters_of(CLIPTextCfg),
    }


def find_class(kind: Any, registry: str) -> Callable | None:
    """The class or function of a ``type``; None when no registry of the host has it."""
    if not isinstance(kind, str):
        return kind if callable(kind) else None
    for name in (registry, 'MODELS', 'FUNCTIONS'):
        for room in _rooms(name):
            try:
                built = room.get(kind)
            except ImportError:
                # Some registries of MMAction2 look for their classes in `mmaction.mmengine`.
                continue
            if built is not None:
                return built
    return None


@cache
def _rooms(name: str) -> tuple[Registry, ...]:
    # STRATEGIES and others are MMEngine's alone.
    found = (getattr(module, name, None) for module in (mmaction.registry, mmengine.registry))
    return tuple(room for room in found if room is not None)


def class_names(registry: str) -> frozenset[str]:
    """The names that a registry of the host knows."""
    return frozenset().union(*(room.module_dict for room in _rooms(registry)))


def parameters_of(built: Callable) -> frozenset[str]:
    """The named arguments of a function, or of a class and the bases that it hands others on to."""
    if not inspect.isclass(built):
        return frozenset(inspect.signature(built).parameters) - {'args', 'kwargs'}
    names: set[str] = set()
    for base in inspect.getmro(built):
        if '__init__' not in vars(base) or base is object:
            continue
        parameters = list(inspect.signature(vars(base)['__init__']).parameters.values())[1:]
        variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        names |= {each.name for each in parameters if each.kind not in variable}
        if not any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters):
            break
    return frozenset(names)
