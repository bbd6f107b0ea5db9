# The sharded example over small towers and a mini corpus; nothing drawn, and the CPU where it runs.
_base_ = ['../../configs/dferclip_dfew_fsdp_vit-l-14.py']
custom_imports = dict(imports=['dferclip_mm', 'mixed_run'], allow_failed_imports=False)

clip = dict(
    _delete_=True,
    embed_dim=32,
    vision_cfg=dict(image_size=32, layers=2, width=64, patch_size=16),
    text_cfg=dict(context_length=77, vocab_size=49408, width=32, heads=2, layers=1),
)
model = dict(
    backbone=dict(arch=clip, pretrained=None),
    neck=dict(in_channels=32, embed_dims=32, num_heads=2, head_dim=16, mlp_dim=64),
    cls_head=dict(text_encoder=dict(arch=clip, pretrained=None)),
)
pipeline = [
    dict(type='ClipInit'),
    dict(type='SampleSegments', num_frames=16, test_mode=True),
    dict(type='ClipDecode'),
    dict(type='ClipResize', size=32),
    dict(type='FormatShape', input_format='NCHW'),
    dict(type='PackActionInputs', meta_keys=('sample_idx', 'filename', 'img_shape')),
]
loader = dict(num_workers=0, persistent_workers=False, pin_memory=False)
train_dataloader = dict(
    **loader,
    batch_size=2,
    sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True),
    dataset=dict(data_root='dfew', pipeline=pipeline),
)
val_dataloader = dict(**loader, dataset=dict(data_root='dfew', pipeline=pipeline))
test_dataloader = dict(**loader, dataset=dict(data_root='dfew', pipeline=pipeline))

train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=3, val_interval=3)
param_scheduler = None
log_processor = dict(by_epoch=False)
custom_hooks = [dict(type='WriteLosses')]
default_hooks = dict(
    checkpoint=dict(interval=3, by_epoch=False),
    load_pretrained=dict(
        type='LoadPretrainedHook',
        checkpoint='start.pth',
        prefixes=('backbone', 'neck', 'cls_head'),
    ),
)
# A block of the small tower is a shard, as a block of ViT-L is.
strategy = dict(
    model_wrapper=dict(device_id='cpu', auto_wrap_policy=dict(min_num_params=4 * 10**4))
)
