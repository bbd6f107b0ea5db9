# A demonstration of EmoCLIP, for `make demo-emoclip`: drawn faces and sentences about them
#
#   demo/make_data.py data/demo
#   tools/dist_train.sh configs/demo_emoclip.py 2
#
# Trained on captions, which describe brows, eyes and mouths and never name an emotion; evaluated
# against a description of each emotion. Its figures say nothing about EmoCLIP on MAFW.
import sys

_base_ = [
    '_base_/models/emoclip.py',
    '_base_/datasets/dfew.py',
    '_base_/demo.py',
    '_base_/default_runtime.py',
]
# The image encoder is in demo/, which is not installed.
sys.path.append('{{ fileDirname }}/../demo')
custom_imports = dict(imports=['dferclip_mm', 'drawn_faces.tiny_cnn'])

clip = dict(_base_.clip, text_cfg=dict(_base_.clip.text_cfg, layers=1))
encoder = dict(pretrained=None, frozen=False)
model = dict(
    num_frames=_base_.num_frames,
    arch=clip,
    backbone=encoder,
    neck=_base_.neck,
    cls_head=dict(
        classes='dfew',
        text_encoder=encoder,
        # In the words of the captions: a text encoder from scratch knows no others.
        prompts='{{ fileDirname }}/demo_emoclip_prompts.json',
        init_logit_scale=1 / 0.07,
        max_logit_scale=100.0,
        gather_with_grad=True,
    ),
)
crop = dict(type='ClipRandomCrop', size=_base_.size, area=(0.9, 1.0))
pack = dict(**_base_.pack, algorithm_keys=('text',))
train_pipeline = [*_base_.load, crop, _base_.brightness, *_base_.finish, pack]
train_dataloader = dict(
    # Per process; the clips of both processes are each other's negatives.
    batch_size=16,
    **_base_.loader,
    dataset=dict(
        _delete_=True,
        # The captions of the drawn faces have MAFW's layout.
        type='MAFWDataset',
        data_root='data/demo',
        ann_file='captions/set_1/train.txt',
        data_prefix=dict(clips='Clip/clip_224x224'),
        metainfo=dict(
            classes=['happiness', 'sadness', 'neutral', 'anger', 'surprise', 'disgust', 'fear']
        ),
        captions=True,
        require_caption=True,
        pipeline=train_pipeline,
    ),
)
test = dict(data_root='data/demo', pipeline=_base_.test_pipeline)
val_dataloader = dict(batch_size=32, **_base_.loader, dataset=test)
test_dataloader = dict(batch_size=32, **_base_.loader, dataset=test)

param_scheduler = [dict(**_base_.one_cycle, total_steps=30)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=30, val_interval=5)
auto_scale_lr = dict(enable=False, base_batch_size=32)
