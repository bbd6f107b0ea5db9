# DFER-CLIP's temporal Transformer and text prompts behind Video Swin-T, on DFEW
#
#   8 GPUs:      tools/dist_train.sh configs/dferclip_swin3d_dfew.py 8
#
# A video backbone whose output has frames: Recognizer3D, neck and head. No figures are published.
_base_ = [
    '_base_/models/dferclip_video.py',
    '_base_/datasets/dfew.py',
    '_base_/pipelines/dferclip_dfew_video.py',
    '_base_/schedules/dferclip_50e.py',
    '_base_/default_runtime.py',
]

model = dict(
    # Its weights come from load_pretrained below.
    backbone=dict(
        type='SwinTransformer3D',
        arch='tiny',
        pretrained=None,
        pretrained2d=False,
        patch_size=(2, 4, 4),
        window_size=(8, 7, 7),
        drop_path_rate=0.1,
    ),
    # 16 frames in patches of 2: the neck gets 8.
    neck=dict(type='TemporalTransformer', in_channels=768, embed_dims=512, max_frames=8),
)
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
# MMAction2's Swin-T on Kinetics-400, without its head.
zoo = 'https://download.openmmlab.com/mmaction/v1.0/recognition/swin'
name = 'swin-tiny-p244-w877_in1k-pre_8xb8-amp-32x2x1-30e_kinetics400-rgb'
pretrained = f'{zoo}/{name}/{name}_20220930-241016b2.pth'
default_hooks = dict(load_pretrained=dict(type='LoadPretrainedHook', checkpoint=pretrained))
# AdamW, as Swin was trained; the ratios of the rates are DFER-CLIP's, except for the backbone.
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=0.02, fused=True),
    paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=1e-1)}),
)
