# EmoCLIP's frames and augmentation: 32 frames, every fourth; random values drawn once per clip.
crop = [
    # Without antialiasing, as the original.
    dict(type='ClipResizeShortEdge', size=224),
    dict(type='CenterCrop', crop_size=224),
]
pack = dict(type='PackActionInputs', meta_keys=('sample_idx', 'filename', 'subject', 'img_shape'))
train_pipeline = [
    dict(type='ClipInit'),
    dict(type='SampleWindow', stride=4, num_frames=32),
    dict(type='ClipDecode'),
    *crop,
    # The original fills with zero after normalisation, which is CLIP's mean.
    dict(type='ClipRotation', degrees=6, fill=(123, 117, 104)),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCHW'),
    pack,
]
# The window starts at the first frame. The original starts at random, so its scores vary.
test_pipeline = [
    dict(type='ClipInit'),
    dict(type='SampleWindow', stride=4, num_frames=32, test_mode=True),
    dict(type='ClipDecode'),
    *crop,
    dict(type='FormatShape', input_format='NCHW'),
    pack,
]
