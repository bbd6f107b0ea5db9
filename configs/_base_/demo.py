# What both demonstrations share: a small CLIP, small clips, and training from scratch on two CPU
# cores. It takes the place of a pipeline and a schedule.
num_frames = 4
size = 48
clip = dict(
    _delete_=True,
    embed_dim=128,
    vision_cfg=dict(
        image_size=size, timm_model_name='drawn_face_cnn', timm_pool='', timm_proj='linear'
    ),
    text_cfg=dict(context_length=77, vocab_size=49408, width=128, heads=4),
)
neck = dict(
    in_channels=128,
    embed_dims=128,
    max_frames=num_frames,
    depth=1,
    num_heads=4,
    head_dim=32,
    mlp_dim=256,
)

load = [
    dict(type='ClipInit'),
    dict(type='SampleSegments', num_frames=num_frames),
    dict(type='ClipDecode'),
]
# Weaker augmentation than the paper's, which is for a pretrained CLIP.
brightness = dict(type='ClipBrightness', factor_range=(0.7, 1.3))
finish = [
    dict(type='ClipResize', size=size),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCHW'),
]
pack = dict(type='PackActionInputs', meta_keys=('sample_idx', 'filename', 'subject', 'img_shape'))
test_pipeline = [
    dict(type='ClipInit'),
    dict(type='SampleSegments', num_frames=num_frames, test_mode=True),
    dict(type='ClipDecode'),
    dict(type='ClipResize', size=size),
    dict(type='FormatShape', input_format='NCHW'),
    pack,
]
# Two processes use two cores: no workers in addition.
loader = dict(num_workers=0, persistent_workers=False, pin_memory=False)

optim_wrapper = dict(
    type='OptimWrapper',
    # From scratch, all weights have the same rate.
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    paramwise_cfg=dict(),
    clip_grad=dict(max_norm=5.0),
)
one_cycle = dict(
    type='OneCycleLR', eta_max=1e-3, pct_start=0.2, by_epoch=True, convert_to_iter_based=True
)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
randomness = dict(seed=1)
