# The toy run of tests/tools with the hooks that save when a run is asked to end.
_base_ = ['../tools/toy_config.py']
train_cfg = dict(by_epoch=True, max_epochs=100000, val_interval=100000)
default_hooks = dict(checkpoint=dict(_delete_=True, type='AtomicCheckpointHook', interval=100000))
custom_hooks = [dict(type='ExactResumeHook'), dict(type='PreemptionHook')]
