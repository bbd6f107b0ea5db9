# The recipe of Exp-CLIP: SGD, 5 epochs, one rate.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=1e-4, fused=True),
)
param_scheduler = None

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=5, val_interval=1)
val_cfg = None
test_cfg = None

randomness = dict(seed=1)
# The rate is for 512 images per step.
auto_scale_lr = dict(enable=False, base_batch_size=512)
