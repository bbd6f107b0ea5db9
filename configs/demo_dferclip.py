# A demonstration of DFER-CLIP, for `make demo`: drawn faces, a small CLIP trained from scratch.
#
#   demo/make_data.py data/demo
#   tools/dist_train.sh configs/demo_dferclip.py 2
#
# The same parts, data path and tools as dferclip_dfew.py, in sizes that two CPU cores train in
# minutes. Its figures say nothing about DFER-CLIP on DFEW.
import sys

_base_ = [
    '_base_/models/dferclip.py',
    '_base_/datasets/dfew.py',
    '_base_/pipelines/dferclip_dfew.py',
    '_base_/schedules/dferclip_50e.py',
    '_base_/default_runtime.py',
]
# The image tower lies in demo/, which is not installed.
sys.path.append('{{ fileDirname }}/../demo')
custom_imports = dict(imports=['dferclip_mm', 'drawn_faces.tiny_cnn'])

num_frames = 4
size = 48
clip = dict(
    _delete_=True,
    embed_dim=128,
    vision_cfg=dict(
        image_size=size, timm_model_name='drawn_face_cnn', timm_pool='', timm_proj='linear'
    ),
    text_cfg=dict(context_length=77, vocab_size=49408, width=128, heads=4, layers=2),
)
model = dict(
    num_frames=num_frames,
    backbone=dict(arch=clip, pretrained=None),
    neck=dict(
        in_channels=128,
        embed_dims=128,
        max_frames=num_frames,
        num_heads=4,
        head_dim=32,
        mlp_dim=256,
    ),
    # Random text features lie closer together than CLIP's: a smaller scale starts softer.
    cls_head=dict(text_encoder=dict(arch=clip, pretrained=None), logit_scale=30.0),
)

train_pipeline = [
    dict(type='ClipInit'),
    dict(type='SampleSegments', num_frames=num_frames),
    dict(type='ClipDecode'),
    # Gentler than the paper's brightness and crops, which are for a pretrained CLIP.
    dict(type='ClipRandomCrop', size=size, area=(0.85, 1.0)),
    dict(type='ClipBrightness', factor_range=(0.7, 1.3)),
    dict(type='ClipResize', size=size),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCHW'),
    dict(type='PackActionInputs', meta_keys=('sample_idx', 'filename', 'img_shape')),
]
test_pipeline = [
    dict(type='ClipInit'),
    dict(type='SampleSegments', num_frames=num_frames, test_mode=True),
    dict(type='ClipDecode'),
    dict(type='ClipResize', size=size),
    dict(type='FormatShape', input_format='NCHW'),
    dict(type='PackActionInputs', meta_keys=('sample_idx', 'filename', 'img_shape')),
]

# Two processes fill two cores: no workers beside them.
loader = dict(batch_size=6, num_workers=0, persistent_workers=False, pin_memory=False)
data = dict(data_root='data/demo')
train_dataloader = dict(**loader, dataset=dict(**data, pipeline=train_pipeline))
val_dataloader = dict(**loader, dataset=dict(**data, pipeline=test_pipeline))
test_dataloader = dict(**loader, dataset=dict(**data, pipeline=test_pipeline))

epochs = 20
optim_wrapper = dict(
    # From scratch, everything learns at one rate.
    optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=0.05),
    paramwise_cfg=dict(_delete_=True),
    clip_grad=dict(max_norm=5.0),
)
param_scheduler = [
    dict(
        type='OneCycleLR',
        eta_max=1e-3,
        total_steps=epochs,
        pct_start=0.2,
        by_epoch=True,
        convert_to_iter_based=True,
    )
]
train_cfg = dict(max_epochs=epochs, val_interval=4)
auto_scale_lr = dict(base_batch_size=12)
