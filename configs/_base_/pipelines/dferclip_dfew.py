# DFER-CLIP's augmentation for DFEW: crop, brightness and flip.
_base_ = 'dferclip.py'

# The original changes the brightness before it crops. The pixels are the same, and crops have fewer
# of them. Frames so long that no crop fits are an exception: they are resized first.
brightness = dict(type='ClipBrightness', factor_range=(0.5, 1.5))
train_pipeline = [*_base_.load, _base_.crop, brightness, *_base_.finish]
