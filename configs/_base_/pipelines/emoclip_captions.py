# EmoCLIP's frames for training on captions: every second frame, with the clip's sentence.
_base_ = 'emoclip.py'

train_pipeline = [
    dict(type='ClipInit'),
    dict(type='SampleWindow', stride=2, num_frames=32),
    *_base_.train_pipeline[2:-1],
    dict(**_base_.pack, algorithm_keys=('text',)),
]
