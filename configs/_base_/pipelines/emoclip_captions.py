# EmoCLIP's frames for training on captions: 32 of every second frame, with the clip's sentence.
train_pipeline = [
    dict(type='ClipInit'),
    dict(type='SampleWindow', stride=2, num_frames=32),
    dict(type='ClipDecode'),
    # antialias=False gives the original's pixels.
    dict(type='ClipResizeShortEdge', size=224),
    dict(type='CenterCrop', crop_size=224),
    # The original fills with zero after normalisation, which is CLIP's mean.
    dict(type='ClipRotation', degrees=6, fill=(123, 117, 104)),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCHW'),
    dict(
        type='PackActionInputs',
        meta_keys=('sample_idx', 'filename', 'img_shape'),
        algorithm_keys=('text',),
    ),
]
# The window starts at the first frame; the original's random start makes its scores vary.
test_pipeline = [
    dict(type='ClipInit'),
    dict(type='SampleWindow', stride=4, num_frames=32, test_mode=True),
    dict(type='ClipDecode'),
    dict(type='ClipResizeShortEdge', size=224),
    dict(type='CenterCrop', crop_size=224),
    dict(type='FormatShape', input_format='NCHW'),
    dict(type='PackActionInputs', meta_keys=('sample_idx', 'filename', 'img_shape')),
]
