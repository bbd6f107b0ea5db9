# MMAction2's ViT in small, DFER-CLIP's neck and head, on DFEW; no BatchNorm, nothing drawn.
_base_ = [
    '../../configs/_base_/datasets/dfew.py',
    '../../configs/_base_/pipelines/dferclip_dfew_video.py',
    '../../configs/_base_/default_runtime.py',
]
custom_imports = dict(imports=['dferclip_mm', 'mixed_run'], allow_failed_imports=False)

small_clip = dict(
    embed_dim=32,
    vision_cfg=dict(image_size=32, layers=1, width=64, patch_size=32),
    text_cfg=dict(context_length=77, vocab_size=49408, width=32, heads=2, layers=1),
)
model = dict(
    type='Recognizer3D',
    data_preprocessor=dict(
        type='ActionDataPreprocessor', mean=[0, 0, 0], std=[255, 255, 255], format_shape='NCTHW'
    ),
    backbone=dict(
        type='VisionTransformer',
        img_size=32,
        patch_size=16,
        embed_dims=48,
        depth=2,
        num_heads=3,
        num_frames=4,
        use_mean_pooling=False,
        return_feat_map=True,
    ),
    neck=dict(type='TemporalTransformer', in_channels=48, embed_dims=32, num_heads=2, mlp_dim=64),
    cls_head=dict(
        type='TextPromptHead',
        classes='dfew',
        text_encoder=dict(type='CLIPTextEncoder', arch=small_clip),
        num_context=2,
        logit_scale=10.0,
    ),
)
pipeline = [
    dict(type='ClipInit'),
    dict(type='SampleSegments', num_frames=4, test_mode=True),
    dict(type='ClipDecode'),
    dict(type='ClipResize', size=32),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=('sample_idx', 'filename', 'img_shape')),
]
loader = dict(num_workers=0, persistent_workers=False, pin_memory=False)
train_dataloader = dict(
    **loader,
    batch_size=2,
    # Its steps hold the same clips for any number of processes, past the end of the list too.
    sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True),
    dataset=dict(pipeline=pipeline),
)
val_dataloader = None
val_evaluator = None
test_dataloader = None
test_evaluator = None

optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=4)
log_processor = dict(by_epoch=False)
custom_hooks = [dict(type='WriteLosses')]
default_hooks = dict(
    checkpoint=dict(_delete_=True, type='CheckpointHook', interval=4, by_epoch=False)
)
randomness = dict(seed=3)
