default_scope = 'mmaction'
custom_imports = dict(imports=['dferclip_mm', 'small_parts'], allow_failed_imports=False)
model = dict(type='ToyClassifier')

_loader = dict(
    batch_size=5,
    num_workers=0,
    collate_fn=dict(type='default_collate'),
    dataset=dict(type='ToyPoints'),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
train_dataloader = dict(_loader, sampler=dict(type='DefaultSampler', shuffle=True))
val_dataloader = test_dataloader = dict(_loader, dataset=dict(type='ToyPoints', size=13))
val_evaluator = test_evaluator = dict(type='RecallMetric')

train_cfg = dict(by_epoch=True, max_epochs=2)
val_cfg = test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.5))
auto_scale_lr = dict(enable=False, base_batch_size=10)
default_hooks = dict(
    checkpoint=dict(type='CheckpointHook', interval=1, save_best='dfer/WAR', rule='greater'),
    logger=dict(type='LoggerHook', interval=2),
)
randomness = dict(seed=0)
