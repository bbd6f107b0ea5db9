# A demonstration of DFER-CLIP, for `make demo`: drawn faces, a small CLIP trained from scratch
#
#   demo/make_data.py data/demo
#   tools/dist_train.sh configs/demo_dferclip.py 2
#
# The same components, data loading and tools as in dferclip_dfew.py. Two CPU cores train it in
# minutes. Its figures say nothing about DFER-CLIP on DFEW.
import sys

_base_ = [
    '_base_/models/dferclip.py',
    '_base_/datasets/dfew.py',
    '_base_/demo.py',
    '_base_/default_runtime.py',
]
# The image encoder is in demo/, which is not installed.
sys.path.append('{{ fileDirname }}/../demo')
custom_imports = dict(imports=['dferclip_mm', 'drawn_faces.tiny_cnn'])

clip = dict(_base_.clip, text_cfg=dict(_base_.clip.text_cfg, layers=2))
model = dict(
    num_frames=_base_.num_frames,
    arch=clip,
    backbone=dict(pretrained=None),
    neck=_base_.neck,
    # Random text features are closer together than CLIP's: a smaller scale starts softer.
    cls_head=dict(text_encoder=dict(pretrained=None), logit_scale=30.0),
)
crop = dict(type='ClipRandomCrop', size=_base_.size, area=(0.85, 1.0))
train_pipeline = [*_base_.load, crop, _base_.brightness, *_base_.finish, _base_.pack]
data = dict(data_root='data/demo')
train_dataloader = dict(**_base_.loader, dataset=dict(**data, pipeline=train_pipeline))
val_dataloader = dict(**_base_.loader, dataset=dict(**data, pipeline=_base_.test_pipeline))
test_dataloader = dict(**_base_.loader, dataset=dict(**data, pipeline=_base_.test_pipeline))

param_scheduler = [dict(**_base_.one_cycle, total_steps=20)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=20, val_interval=4)
auto_scale_lr = dict(enable=False, base_batch_size=12)
