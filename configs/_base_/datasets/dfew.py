# DFEW: 7 classes, 5 folds. Folders as the owners hand them out, see README.
data_root = 'data/DFEW'

train_dataloader = dict(
    # 8 GPUs make the paper's 48 clips; on one, set train_dataloader.batch_size=48.
    batch_size=6,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='DFEWDataset',
        data_root=data_root,
        fold=1,
        split='train',
        # Clips that cannot be read: another in their place, the run stops beyond 1 % of them.
        unreadable='replace',
        max_replaced=0.01,
    ),
)
# The field validates on the test clips, and so does the published best-epoch selection.
val_dataloader = dict(
    batch_size=6,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='DFEWDataset',
        data_root=data_root,
        fold=1,
        split='test',
        test_mode=True,
        # 'raise' stops at a clip that cannot be read, 'wrong' counts it as wrong and goes on.
        unreadable='raise',
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='RecallMetric')
test_evaluator = val_evaluator
