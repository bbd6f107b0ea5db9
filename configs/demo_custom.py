# Your own clips in small: drawn faces in a CSV, three own classes, folds by person
#
#   demo/make_own_data.py data/own
#   tools/check_dataset.py configs/demo_custom.py --folds all
#   tools/cross_validate.py configs/demo_custom.py
#
# The datasets are as in custom.py; the small CLIP is trained from scratch, as in demo_dferclip.py.
import sys

_base_ = [
    '_base_/models/dferclip.py',
    '_base_/datasets/loaders.py',
    '_base_/demo.py',
    '_base_/default_runtime.py',
]
sys.path.append('{{ fileDirname }}/../demo')
custom_imports = dict(imports=['dferclip_mm', 'drawn_faces.tiny_cnn'])

classes = ['smiling', 'frowning', 'startled']
clip = dict(_base_.clip, text_cfg=dict(_base_.clip.text_cfg, layers=2))
model = dict(
    num_frames=_base_.num_frames,
    arch=clip,
    backbone=dict(pretrained=None),
    neck=_base_.neck,
    cls_head=dict(
        classes=classes,
        prompts='class_names',
        text_encoder=dict(pretrained=None),
        logit_scale=30.0,
    ),
)

clips = dict(
    type='ClipListDataset',
    data_root='data/own',
    ann_file='clips.csv',
    data_prefix=dict(clips='Clip/original'),
    columns=dict(path='path', label='label', subject='subject'),
    metainfo=dict(classes=classes),
    folds=5,
    fold=1,
)
crop = dict(type='ClipRandomCrop', size=_base_.size, area=(0.85, 1.0))
train_pipeline = [*_base_.load, crop, _base_.brightness, *_base_.finish, _base_.pack]
test = dict(**_base_.loader, dataset=dict(**clips, pipeline=_base_.test_pipeline))
train_dataloader = dict(**_base_.loader, dataset=dict(**clips, pipeline=train_pipeline))
val_dataloader = test
test_dataloader = test

# So few people cannot choose an epoch: the last one is the result.
default_hooks = dict(checkpoint=dict(save_best=None))
param_scheduler = [dict(**_base_.one_cycle, total_steps=20)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=20, val_interval=20)
auto_scale_lr = dict(enable=False, base_batch_size=6)
