# The toy run of tests/tools, in which a process may die.
_base_ = ['../tools/toy_config.py']
custom_imports = dict(imports=['dferclip_mm', 'toy_run', 'dying_run'], allow_failed_imports=False)
train_cfg = dict(by_epoch=True, max_epochs=4)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=1))
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.5, momentum=0.9))
param_scheduler = dict(type='MultiStepLR', milestones=[2], gamma=0.1)
custom_hooks = [dict(type='DieOnce', rank=1, step=-1, way='kill')]
