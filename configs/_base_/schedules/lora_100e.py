# CLAIP-Emo's recipe (IEEE SPL 2026, its visual half; read in its public code): AdamW, 100 epochs,
# 5 of them of warm-up, then a cosine.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-5, betas=(0.9, 0.999), weight_decay=0.05, fused=True),
    # 8 clips twice: one step for 16.
    accumulative_counts=2,
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-3,
        by_epoch=True,
        begin=0,
        end=5,
        convert_to_iter_based=True,
    ),
    dict(type='CosineAnnealingLR', by_epoch=True, begin=5, end=100, convert_to_iter_based=True),
]

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=100, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

randomness = dict(seed=1)
# Per batch, of which two make a step.
auto_scale_lr = dict(enable=False, base_batch_size=8)
