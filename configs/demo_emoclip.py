# A demonstration of EmoCLIP, for `make demo-emoclip`: drawn faces and sentences about them.
#
#   demo/make_data.py data/demo
#   tools/dist_train.sh configs/demo_emoclip.py 2
#
# Trained on captions, which tell what brows, eyes and mouths do and never name an emotion; scored
# against a description of each emotion. A small CLIP from scratch, both towers trained, in sizes
# that two CPU cores train in minutes. Its figures say nothing about EmoCLIP on MAFW.
import sys

_base_ = [
    '_base_/models/emoclip.py',
    '_base_/datasets/dfew.py',
    '_base_/pipelines/emoclip_captions.py',
    '_base_/schedules/emoclip_30e.py',
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
    text_cfg=dict(context_length=77, vocab_size=49408, width=128, heads=4, layers=1),
)
model = dict(
    num_frames=num_frames,
    backbone=dict(arch=clip, pretrained=None, frozen=False),
    neck=dict(
        in_channels=128,
        embed_dims=128,
        max_frames=num_frames,
        depth=1,
        num_heads=4,
        head_dim=32,
        mlp_dim=256,
    ),
    cls_head=dict(
        classes='dfew',
        text_encoder=dict(arch=clip, pretrained=None, frozen=False),
        # In the captions' own words: a text tower from scratch knows no others.
        prompts='{{ fileDirname }}/demo_emoclip_prompts.json',
        init_logit_scale=1 / 0.07,
        max_logit_scale=100.0,
        gather_with_grad=True,
    ),
)

train_pipeline = [
    dict(type='ClipInit'),
    dict(type='SampleSegments', num_frames=num_frames),
    dict(type='ClipDecode'),
    dict(type='ClipRandomCrop', size=size, area=(0.9, 1.0)),
    dict(type='ClipBrightness', factor_range=(0.7, 1.3)),
    dict(type='ClipResize', size=size),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCHW'),
    dict(
        type='PackActionInputs',
        meta_keys=('sample_idx', 'filename', 'img_shape'),
        algorithm_keys=('text',),
    ),
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
loader = dict(num_workers=0, persistent_workers=False, pin_memory=False)
train_dataloader = dict(
    # In each of two processes, gathered.
    batch_size=16,
    **loader,
    dataset=dict(
        _delete_=True,
        # The drawn captions are laid out as MAFW's.
        type='MAFWDataset',
        data_root='data/demo',
        ann_file='captions/set_1/train.txt',
        data_prefix=dict(clips='Clip/clip_224x224'),
        metainfo=dict(
            classes=['happiness', 'sadness', 'neutral', 'anger', 'surprise', 'disgust', 'fear']
        ),
        captions=True,
        require_caption=True,
        pipeline=train_pipeline,
    ),
)
test = dict(data_root='data/demo', pipeline=test_pipeline)
val_dataloader = dict(batch_size=32, **loader, dataset=test)
test_dataloader = dict(batch_size=32, **loader, dataset=test)

epochs = 30
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
train_cfg = dict(max_epochs=epochs, val_interval=5)
