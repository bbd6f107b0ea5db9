# dferclip_dfew_frozen.py from features that are computed once: the same training, much faster
#
# Another training regime than the paper's: see dferclip_dfew_frozen.py and docs/frozen_features.md.
#
#   tools/cache_frames.py configs/dferclip_dfew_frozen_cached.py      once, for all folds
#   tools/train.py configs/dferclip_dfew_frozen_cached.py
#
# The features of all frames are stored, 1.8 GB, so sampling in time stays random; dtype='float16'
# takes half of it and changes features in the fourth digit.
_base_ = 'dferclip_dfew_frozen.py'

features = dict(
    type='FrameFeaturesInit',
    cache='data/DFEW_frame_features',
    dtype='float32',
    pixels=_base_.pixels,
)
train_pipeline = [
    features,
    dict(type='SampleSegments', num_frames=16),
    dict(type='FrameFeaturesDecode'),
    _base_.pack,
]
test_pipeline = [
    features,
    dict(type='SampleSegments', num_frames=16, test_mode=True),
    dict(type='FrameFeaturesDecode'),
    _base_.pack,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

custom_hooks = [
    # Stop when the features are of another model or of other clips.
    dict(type='FrameCacheHook'),
    *_base_.custom_hooks,
]
