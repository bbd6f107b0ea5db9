# The recipe of EmoCLIP on captions: SGD, 30 epochs, a tenth of the rate after 15.
optim_wrapper = dict(
    type='OptimWrapper',
    # Fused: one pass over the weights instead of four, with the same result.
    optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4, fused=True),
    # For CLIP's encoders in configs that do not freeze them.
    paramwise_cfg=dict(
        custom_keys={
            'backbone': dict(lr_mult=1e-3),  # 1e-6
            'cls_head.text_encoder': dict(lr_mult=1e-3),  # 1e-6
        }
    ),
)
param_scheduler = [dict(type='MultiStepLR', by_epoch=True, milestones=[15], gamma=0.1)]

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=30, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

randomness = dict(seed=1)
# The rates are for 64 clips per step; --auto-scale-lr adapts them to other batch sizes.
auto_scale_lr = dict(enable=False, base_batch_size=64)
