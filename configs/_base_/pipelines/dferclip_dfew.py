# DFER-CLIP's frames and augmentation here: brightness, crop, flip, one draw for a whole clip.
# The original brightens whole frames and then crops: the same pixels, of which crops have fewer
# (but in frames so long that no crop fits, which are resized first: no faces are).
train_pipeline = [
    dict(type='ClipInit'),
    dict(type='SampleSegments', num_frames=16),
    dict(type='ClipDecode'),
    dict(type='ClipRandomCrop', size=224),
    dict(type='ClipBrightness', factor_range=(0.5, 1.5)),
    dict(type='ClipResize', size=224),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCHW'),
    dict(type='PackActionInputs', meta_keys=('sample_idx', 'filename', 'img_shape')),
]
test_pipeline = [
    dict(type='ClipInit'),
    dict(type='SampleSegments', num_frames=16, test_mode=True),
    dict(type='ClipDecode'),
    dict(type='ClipResize', size=224),
    dict(type='FormatShape', input_format='NCHW'),
    dict(type='PackActionInputs', meta_keys=('sample_idx', 'filename', 'img_shape')),
]
