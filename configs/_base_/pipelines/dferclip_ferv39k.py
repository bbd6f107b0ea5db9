# DFER-CLIP's augmentation for FERV39k: rotation, crop and flip.
_base_ = 'dferclip.py'

train_pipeline = [
    *_base_.load,
    dict(type='ClipRotation', degrees=4),
    _base_.crop,
    *_base_.finish,
]
