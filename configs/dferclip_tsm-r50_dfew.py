# DFER-CLIP's temporal Transformer and text prompts behind TSM-R50, on DFEW
#
#   8 GPUs:      tools/dist_train.sh configs/dferclip_tsm-r50_dfew.py 8
#
# An image backbone: FrameRecognizer, neck and head. No figures are published.
_base_ = [
    '_base_/models/dferclip.py',
    '_base_/datasets/dfew.py',
    '_base_/pipelines/dferclip_dfew.py',
    '_base_/schedules/dferclip_50e.py',
    '_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    # Its weights come from load_pretrained below.
    backbone=dict(
        _delete_=True,
        type='ResNetTSM',
        depth=50,
        num_segments=16,
        shift_div=8,
        pretrained=None,
        pretrained2d=False,
    ),
    neck=dict(in_channels=2048),
)
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))

# MMAction2's TSM on Kinetics-400 with 16 frames, without its head.
zoo = 'https://download.openmmlab.com/mmaction/v1.0/recognition/tsm'
name = 'tsm_imagenet-pretrained-r50_8xb16-1x1x16-50e_kinetics400-rgb'
pretrained = f'{zoo}/{name}/{name}_20220831-042b1748.pth'
default_hooks = dict(load_pretrained=dict(type='LoadPretrainedHook', checkpoint=pretrained))
# The backbone was not trained with text, so its rate is higher than CLIP's.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=1e-1)}))
