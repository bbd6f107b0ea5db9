# DFER-CLIP's frames, and its augmentation for MAFW: crop and flip, drawn once per clip.
load = [
    dict(type='ClipInit'),
    dict(type='SampleSegments', num_frames=16),
    dict(type='ClipDecode'),
]
crop = dict(type='ClipRandomCrop', size=224)
pack = dict(type='PackActionInputs', meta_keys=('sample_idx', 'filename', 'subject', 'img_shape'))
finish = [
    dict(type='ClipResize', size=224),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCHW'),
    pack,
]
train_pipeline = [*load, crop, *finish]
test_pipeline = [
    dict(type='ClipInit'),
    dict(type='SampleSegments', num_frames=16, test_mode=True),
    dict(type='ClipDecode'),
    dict(type='ClipResize', size=224),
    dict(type='FormatShape', input_format='NCHW'),
    pack,
]
