"""Remedies for bugs of other packages: only this file and ``engine/remedies.py`` know versions.

Open it when a package was updated: each remedy names its cause and when to remove it.

Each is one function and acts only where its bug is present. ``dferclip_mm/__init__.py`` applies
them before anything of ``mmaction.models`` is imported; ``engine/remedies.py`` has those for the
config of a run.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
import torch.distributed
from mmengine._strategy.fsdp import FSDPStrategy
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.device import get_device
from mmengine.infer import BaseInferencer
from mmengine.logging import HistoryBuffer
from mmengine.optim.optimizer import OptimWrapper, amp_optimizer_wrapper
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler
from mmengine.runner import checkpoint
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.optim import SGD, Adam, AdamW


def require_mmcv() -> None:
    """Say which two packages can provide ``mmcv`` when none is installed.

    Cause: mmcv and mmcv-lite install the same folder, so neither can be a requirement of ours
    without overwriting the other, and MMAction2 asks for it with a bare ImportError.
    Remove when one distribution serves both.

    Raises:
        ImportError: when ``mmcv`` cannot be imported.
    """
    if importlib.util.find_spec('mmcv') is None:
        raise ImportError(
            'dferclip_mm needs mmcv, and none is installed: run `pip install mmcv-lite==2.1.0` '
            '(no compiled operators; enough for everything here), or install a full mmcv in '
            "MMAction2's range, >=2.0.0rc4,<2.2.0"
        )


def allow_onedl_mmcv() -> None:
    """Let MMAction2 import beside onedl-mmcv, a maintained fork of mmcv with the same interface.

    Cause: mmaction2 1.2.0 refuses mmcv from 2.2 on by its number; the fork began at 2.3. Only the
    fork is let through, and only while ``mmaction`` is imported is another number shown.
    Remove when MMAction2 takes mmcv 2.3.
    """
    try:
        importlib.metadata.version('onedl-mmcv')
    except importlib.metadata.PackageNotFoundError:
        return
    mmcv: Any = importlib.import_module('mmcv')
    version, mmcv.__version__ = mmcv.__version__, '2.1.0'
    try:
        importlib.import_module('mmaction')
    finally:
        mmcv.__version__ = version


def provide_drn() -> None:
    """Let ``mmaction.models`` import although its wheel lacks the ``drn`` localizer.

    Cause: ``mmaction/models/localizers/drn`` has no ``__init__.py``, so the wheel of mmaction2
    1.2.0 was built without it, while ``localizers/__init__.py`` imports it (issue #2714).
    Remove when a release ships the folder.
    """
    spec = importlib.util.find_spec('mmaction')
    if spec is None or spec.origin is None:
        return
    # find_spec of the folder would import its parent package, which is what fails.
    if (Path(spec.origin).parent / 'models/localizers/drn/drn.py').exists():
        return
    name = 'mmaction.models.localizers.drn'
    package, module = ModuleType(name), ModuleType(f'{name}.drn')
    # No class: the registry does not know it, and says so.
    module.DRN = None  # type: ignore[attr-defined]
    sys.modules.update({name: package, f'{name}.drn': module})


def skip_vindlu() -> None:
    """Let ``mmaction.models`` import beside a transformers release that VindLU cannot use.

    Cause: mmaction2 1.2.0 imports ``apply_chunking_to_forward`` from
    ``transformers.modeling_utils``, which transformers 4.56 removed.
    Remove when MMAction2 imports it from ``transformers.pytorch_utils``.
    """
    if importlib.util.find_spec('transformers') is None:
        return
    try:
        from transformers.modeling_utils import apply_chunking_to_forward  # noqa: F401
    except ImportError:
        import mmaction.utils.dependency

        mmaction.utils.dependency.WITH_MULTIMODAL = False


def quiet_libraries() -> None:
    """Leave out warnings of libraries, in each process of a run, that ask a user for nothing.

    Cause, in this order: MMEngine reads the versions of packages; mmcv-lite has no deformable
    attention, which nothing here uses; MMEngine sets the number of threads, and uses old names of
    PyTorch; no GPU is visible.
    Remove each when its library no longer warns.
    """
    for message in (
        'pkg_resources is deprecated',
        'Fail to import ``MultiScaleDeformableAttention``',
        'Setting (OMP|MKL)_NUM_THREADS environment variable',
        '`broadcast_buffers` is deprecated',
        r'`torch\.cuda\.amp\.GradScaler',
        "'pin_memory' argument is set as true but no accelerator is found",
    ):
        warnings.filterwarnings('ignore', message=message)


def _attribute_for_checkpoints(owner: Any, name: str) -> Any:
    """Replace ``getattr`` while a checkpoint is read: it returns only what MMEngine's need."""
    # Statistics of the message hub, and the curve of a OneCycle schedule.
    known = {
        HistoryBuffer: ('min', 'max', 'current', 'mean'),
        OneCycleParamScheduler: ('_annealing_cos', '_annealing_linear'),
    }
    if isinstance(owner, type) and name in known.get(owner, ()):
        return getattr(owner, name)
    raise RuntimeError(
        f'the checkpoint asks for attribute {name!r} of {owner!r}, which no MMEngine checkpoint '
        'needs: do not load it'
    )


def allow_mmengine_checkpoints() -> None:
    """Let ``torch.load`` read checkpoints of stock MMEngine runs with ``weights_only=True``.

    Cause: MMEngine pickles its message hub (HistoryBuffer, numpy arrays and scalars, and
    ``getattr`` for HistoryBuffer's methods) and, with a OneCycle schedule, that schedule's curve;
    it loads with a bare ``torch.load``, whose default became ``weights_only=True`` in PyTorch 2.6.
    The real ``getattr`` on an allow-list would give any pickle the ``builtins`` module, so a
    function that answers six names takes its place.
    Remove when MMEngine stores its message hub and its schedules as plain values.
    """
    try:
        multiarray = importlib.import_module('numpy._core.multiarray')
    except ImportError:
        multiarray = importlib.import_module('numpy.core.multiarray')
    allowed: list[Any] = [
        HistoryBuffer,
        OneCycleParamScheduler,
        np.ndarray,
        np.dtype,
        (_attribute_for_checkpoints, 'builtins.getattr'),
    ]
    # numpy 1 and numpy 2 name the same functions differently; a file may come from either.
    for module in ('numpy._core.multiarray', 'numpy.core.multiarray'):
        allowed += [
            (multiarray._reconstruct, f'{module}._reconstruct'),
            (multiarray.scalar, f'{module}.scalar'),
        ]
    allowed += [type(np.dtype(name)) for name in ('float64', 'float32', 'int64', 'int32', 'bool')]
    torch.serialization.add_safe_globals(allowed)


def refuse_untrusted_fallback() -> None:
    """Have onedl-mmengine refuse what ``weights_only=True`` refuses.

    Cause: it loads such a checkpoint once more without ``weights_only``, which may run code, and
    takes from PyTorch's allow-list what `allow_mmengine_checkpoints` put there.
    Remove when it raises the error.
    """
    if hasattr(checkpoint, '_safe_torch_load'):
        checkpoint._safe_torch_load = functools.partial(torch.load, weights_only=True)


def refuse_stored_configs() -> None:
    """Have inferencers that are given only weights ask for a config instead of executing a text.

    Cause: MMEngine's ``BaseInferencer(weights=...)`` executes the config in the file as Python,
    even when the file is untrusted.
    Remove when MMEngine reads stored configs as data.
    """
    initialise = BaseInferencer._init_model
    if getattr(initialise, 'asks_for_config', False):
        return

    def _init_model(self: Any, cfg: Any, weights: Any, device: str = 'cpu') -> Any:
        if not cfg:
            raise ValueError(
                f'{weights} was given without a config: give model=CONFIG as well. A config that a '
                'checkpoint holds is a program of whoever wrote it, and is not executed'
            )
        return initialise(self, cfg, weights, device)

    _init_model.asks_for_config = True  # type: ignore[attr-defined]
    BaseInferencer._init_model = _init_model


def resume_sharded_optimizers() -> None:
    """Let a sharded run (FSDP) resume its optimizer.

    Cause: MMEngine 0.10.7 passes ``FSDP.optim_state_dict_to_load`` its arguments in the order of
    PyTorch 2.0; since 2.1 the model comes first.
    Remove when MMEngine names them.
    """

    def load_optim_state_dict(self: Any, state_dict: dict) -> None:
        optimizer = self.optim_wrapper.optimizer
        loaded = FullyShardedDataParallel.optim_state_dict_to_load(
            model=self.model, optim=optimizer, optim_state_dict=state_dict
        )
        self.optim_wrapper.load_state_dict(loaded)

    FSDPStrategy.load_optim_state_dict = load_optim_state_dict


def allow_amp_without_gpu() -> None:
    """Let a config with ``AmpOptimWrapper(dtype='bfloat16')`` train on the CPU as well.

    Cause: MMEngine's wrapper asserts a GPU, although its autocast knows the CPU and PyTorch's
    gradient scaler does nothing there. Only that module sees the answer that the assertion needs.
    Remove when the assertion is gone.
    """
    if get_device() == 'cpu':
        amp_optimizer_wrapper.is_cuda_available = lambda: True


def unscale_before_fused_steps() -> None:
    """Have gradient scalers treat fused optimisers like others: unscaled gradients, or no step.

    Cause: a scaler passes a fused step scaled gradients and a flag for an overflow. When the
    first step of all overflows, PyTorch 2.14's fused SGD leaves the momentum that it has just
    allocated uninitialised and uses it. And an optimiser that was built fused, but resumes what a
    default one stored, takes the default step, which asserts that there is no such flag.
    Remove when ``_fused_sgd`` starts from zeros and loaded settings and that flag agree.
    """
    for optimizer in (SGD, Adam, AdamW):
        # Optimisers set it in their constructor; a property keeps that from having an effect.
        handled = property(lambda self: False, lambda self, value: None)
        optimizer._step_supports_amp_scaling = handled  # type: ignore[assignment]


def compile_without_optimizer() -> None:
    """Let ``compile=True`` compile only the model, not the backward pass and the optimiser.

    Cause: MMEngine compiles ``train_step``, in which the optimiser takes its step. With a
    ``paramwise_cfg`` its constructor makes MMEngine's ConfigDicts of the parameter groups, at
    which PyTorch's compiler fails. The gradients come from the compiled model all the same.
    Remove when MMEngine gives optimisers plain dicts.
    """
    if not getattr(OptimWrapper.update_params, '_torchdynamo_disable', False):
        OptimWrapper.update_params = torch.compiler.disable(OptimWrapper.update_params)


def name_our_configs() -> None:
    """Let ``_base_ = 'dferclip_mm::configs/dferclip_dfew.py'`` name a config of our wheel.

    Cause: MMEngine looks up the package of ``package::folder/file`` in a table of its own.
    Remove when MMEngine takes every installed package.
    """
    MODULE2PACKAGE['dferclip_mm'] = 'dferclip_mm'


def apply() -> None:
    """Apply all, before ``mmaction.models`` is imported."""
    require_mmcv()
    allow_onedl_mmcv()
    provide_drn()
    skip_vindlu()
    quiet_libraries()
    allow_mmengine_checkpoints()
    refuse_untrusted_fallback()
    refuse_stored_configs()
    resume_sharded_optimizers()
    allow_amp_without_gpu()
    unscale_before_fused_steps()
    compile_without_optimizer()
    name_our_configs()
