# dferclip_dfew.py for video backbones: clips (3, T, H, W) instead of frames.
_base_ = 'dferclip_dfew.py'

video = [dict(type='FormatShape', input_format='NCTHW'), _base_.pack]
train_pipeline = [*_base_.train_pipeline[:-2], *video]
test_pipeline = [*_base_.test_pipeline[:-2], *video]
