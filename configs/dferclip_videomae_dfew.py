# DFER-CLIP's text prompts behind VideoMAE's ViT-B, on DFEW
#
#   8 GPUs:      tools/dist_train.sh configs/dferclip_videomae_dfew.py 8
#
# A video backbone whose output is one vector: Recognizer3D and head. No figures are published.
_base_ = [
    '_base_/models/dferclip_video.py',
    '_base_/datasets/dfew.py',
    '_base_/pipelines/dferclip_dfew_video.py',
    '_base_/schedules/dferclip_50e.py',
    '_base_/default_runtime.py',
]

model = dict(
    backbone=dict(
        type='VisionTransformer',
        img_size=224,
        patch_size=16,
        embed_dims=768,
        depth=12,
        num_heads=12,
        mlp_ratio=4,
        qkv_bias=True,
        num_frames=16,
        norm_cfg=dict(type='LN', eps=1e-6),
    ),
    cls_head=dict(in_channels=768),
)
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
# MMAction2's VideoMAE on Kinetics-400, without its head.
zoo = 'https://download.openmmlab.com/mmaction/v1.0/recognition/videomae'
pretrained = f'{zoo}/vit-base-p16_videomae-k400-pre_16x4x1_kinetics-400_20221013-860a3cd3.pth'
default_hooks = dict(load_pretrained=dict(type='LoadPretrainedHook', checkpoint=pretrained))
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=0.05, fused=True),
    paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=1e-1)}),
)
