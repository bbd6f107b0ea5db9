# The recipe of DFER-CLIP: SGD, three learning rates, 50 epochs, a tenth of them after 30 and 40.
optim_wrapper = dict(
    type='OptimWrapper',
    # The temporal Transformer has the full rate. Weight decay applies to norms and biases too.
    # Fused: one pass over the weights instead of four, with the same result.
    optimizer=dict(type='SGD', lr=1e-2, momentum=0.9, weight_decay=1e-4, fused=True),
    paramwise_cfg=dict(
        custom_keys={
            'backbone': dict(lr_mult=1e-3),  # 1e-5
            'cls_head.prompt_learner': dict(lr_mult=1e-1),  # 1e-3
        }
    ),
)
param_scheduler = [dict(type='MultiStepLR', by_epoch=True, milestones=[30, 40], gamma=0.1)]

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=50, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

randomness = dict(seed=1)
# The rates are for 48 clips per step; --auto-scale-lr adapts them to other batch sizes.
auto_scale_lr = dict(enable=False, base_batch_size=48)
