# DFER-CLIP's frames without augmentation, as a frozen image encoder is trained behind: only which
# frames are taken is random in training.
pixels = [
    dict(type='ClipDecode'),
    dict(type='ClipResize', size=224),
    dict(type='FormatShape', input_format='NCHW'),
]
pack = dict(type='PackActionInputs', meta_keys=('sample_idx', 'filename', 'img_shape'))
train_pipeline = [
    dict(type='ClipInit'),
    dict(type='SampleSegments', num_frames=16),
    *pixels,
    pack,
]
test_pipeline = [
    dict(type='ClipInit'),
    dict(type='SampleSegments', num_frames=16, test_mode=True),
    *pixels,
    pack,
]
