# The recipe of EmoCLIP on class descriptions: SGD, 50 epochs, a tenth after 25.
optim_wrapper = dict(
    type='OptimWrapper',
    # One pass over the weights in place of four, with the same answers.
    optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4, fused=True),
    # For CLIP's towers where a config does not freeze them.
    paramwise_cfg=dict(
        custom_keys={
            'backbone': dict(lr_mult=1e-3),  # 1e-6
            'cls_head.text_encoder': dict(lr_mult=1e-3),  # 1e-6
        }
    ),
)
param_scheduler = [dict(type='MultiStepLR', by_epoch=True, milestones=[25], gamma=0.1)]

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=50, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

randomness = dict(seed=1)
# The rates above are for 64 clips per step; --auto-scale-lr adapts them to other batch sizes.
auto_scale_lr = dict(enable=False, base_batch_size=64)
