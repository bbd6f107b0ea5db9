# Your own clips with scores: data/scores/scores.csv has the columns clip, one for each target, and
# split (train or test); the clips lie in data/scores/clips.
data_root = 'data/scores'
targets = ['severity']

train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='ClipScoresDataset',
        data_root=data_root,
        ann_file='scores.csv',
        data_prefix=dict(clips='clips'),
        targets=targets,
        split='train',
        # Clips that cannot be read: another in their place, the run stops beyond 1 % of them.
        unreadable='replace',
        max_replaced=0.01,
    ),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ClipScoresDataset',
        data_root=data_root,
        ann_file='scores.csv',
        data_prefix=dict(clips='clips'),
        targets=targets,
        split='test',
        test_mode=True,
        unreadable='raise',
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='RegressionMetric')
test_evaluator = val_evaluator
