# dferclip_dfew_frozen.py on precomputed frame features: the same training, much faster
#
#   once:        tools/cache_frames.py configs/dferclip_dfew_frozen_cached.py
#   train:       tools/train.py configs/dferclip_dfew_frozen_cached.py
#
# Not the paper's training: see dferclip_dfew_frozen.py and docs/frozen_features.md. The cache has
# all frames of all folds (1.8 GB), so the random choice of frames is unchanged. With
# dtype='float16' it takes half of that, and features change in the fourth digit.
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
