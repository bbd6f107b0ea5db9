# What the dataloaders of all corpora share. Each corpus adds its dataset.
train_dataloader = dict(
    # Clips per process. The rates of DFER-CLIP are for 48 clips per step, 6 on each of 8 GPUs.
    batch_size=6,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    # A clip that cannot be read is replaced by another; above 1 % of them the run stops.
    dataset=dict(split='train', unreadable='replace', max_replaced=0.01),
)
# The field validates on the test clips, and the published figures are of the best epoch there.
val_dataloader = dict(
    batch_size=6,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    # 'raise' stops at a clip that cannot be read, 'wrong' counts it as wrong.
    dataset=dict(split='test', test_mode=True, unreadable='raise'),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='RecallMetric')
test_evaluator = val_evaluator
