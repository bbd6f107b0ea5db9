"""The scope ``dferclip_mm``, which MMEngine gives to the parts of ``_base_ = 'dferclip_mm::…'``.

Our components are in MMAction2's registries: those of this scope only lead to them.
"""

from __future__ import annotations

import mmaction.registry
from mmaction.utils import register_all_modules
from mmengine.registry import Registry

# A registry does not import what is registered in its parent.
register_all_modules(init_default_scope=False)
for parent in list(vars(mmaction.registry).values()):
    if isinstance(parent, Registry):
        Registry(parent.name, parent=parent, scope='dferclip_mm', locations=['dferclip_mm'])
