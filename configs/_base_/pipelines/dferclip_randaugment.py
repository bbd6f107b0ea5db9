# Crop, flip, RandAugment and erasing, each drawn once per clip.
_base_ = 'dferclip.py'

augment = [
    # timm's rand-m7-n4: 7 of 10 steps are 21 of torchvision's 30.
    dict(type='TorchVisionWrapper', op='RandAugment', num_ops=4, magnitude=21),
    dict(type='TorchVisionWrapper', op='RandomErasing', p=0.25),
]
train_pipeline = [*_base_.load, _base_.crop, *_base_.finish[:-2], *augment, *_base_.finish[-2:]]
