"""Vision-language dynamic facial expression recognition for MMAction2.

Importing this package registers its components in ``mmaction.registry``; in a config,
``custom_imports = dict(imports=['dferclip_mm'], allow_failed_imports=False)`` is enough.
"""

from . import compat

# Before anything imports mmaction.models, which fails without it.
compat.apply()

from . import datasets, engine, evaluation, models, precompute, transforms  # noqa: E402

__version__ = '0.1.0'

__all__ = [
    '__version__',
    'datasets',
    'engine',
    'evaluation',
    'models',
    'precompute',
    'transforms',
]
