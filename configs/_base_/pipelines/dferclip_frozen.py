# DFER-CLIP's frames without augmentation, for a frozen image encoder. Only the choice of frames is
# random in training.
_base_ = 'dferclip.py'

pixels = [
    dict(type='ClipDecode'),
    dict(type='ClipResize', size=224),
    dict(type='FormatShape', input_format='NCHW'),
]
train_pipeline = [
    dict(type='ClipInit'),
    dict(type='SampleSegments', num_frames=16),
    *pixels,
    _base_.pack,
]
