# DFER-CLIP's temporal Transformer and text prompts behind Video Swin-T, on DFEW
#
# A video backbone whose output has frames: MMAction2's Recognizer3D, neck and head. Nothing is
# published for this mixture.
#
#   8 GPUs:      tools/dist_train.sh configs/dferclip_swin3d_dfew.py 8
_base_ = [
    '_base_/models/dferclip.py',
    '_base_/datasets/dfew.py',
    '_base_/pipelines/dferclip_dfew_video.py',
    '_base_/schedules/dferclip_50e.py',
    '_base_/default_runtime.py',
]

model = dict(
    _delete_=True,
    type='Recognizer3D',
    data_preprocessor=dict(
        type='ActionDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        format_shape='NCTHW',
    ),
    backbone=dict(
        type='SwinTransformer3D',
        arch='tiny',
        # LoadPretrainedHook gives the weights.
        pretrained=None,
        pretrained2d=False,
        patch_size=(2, 4, 4),
        window_size=(8, 7, 7),
        drop_path_rate=0.1,
    ),
    # 16 frames in patches of 2: the neck sees 8.
    neck=dict(type='TemporalTransformer', in_channels=768, embed_dims=512, max_frames=8),
    cls_head=_base_.model.cls_head,
)
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))

# MMAction2's Swin-T on Kinetics-400; its head is left out.
pretrained = (
    'https://download.openmmlab.com/mmaction/v1.0/recognition/swin/'
    'swin-tiny-p244-w877_in1k-pre_8xb8-amp-32x2x1-30e_kinetics400-rgb/'
    'swin-tiny-p244-w877_in1k-pre_8xb8-amp-32x2x1-30e_kinetics400-rgb_20220930-241016b2.pth'
)
default_hooks = dict(load_pretrained=dict(type='LoadPretrainedHook', checkpoint=pretrained))

# Swin learns with AdamW; the same ratios between the parts as in DFER-CLIP, but for the backbone.
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=0.02, fused=True),
    paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=1e-1)}),
)
