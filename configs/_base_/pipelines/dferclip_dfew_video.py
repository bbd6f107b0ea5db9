# dferclip_dfew.py for video backbones: clips (3, T, H, W) instead of frames.
train_pipeline = [
    dict(type='ClipInit'),
    dict(type='SampleSegments', num_frames=16),
    dict(type='ClipDecode'),
    dict(type='ClipRandomCrop', size=224),
    dict(type='ClipBrightness', factor_range=(0.5, 1.5)),
    dict(type='ClipResize', size=224),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=('sample_idx', 'filename', 'img_shape')),
]
test_pipeline = [
    dict(type='ClipInit'),
    dict(type='SampleSegments', num_frames=16, test_mode=True),
    dict(type='ClipDecode'),
    dict(type='ClipResize', size=224),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=('sample_idx', 'filename', 'img_shape')),
]
