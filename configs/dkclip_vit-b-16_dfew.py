# DK-CLIP's training on DFEW, with DFER-CLIP's model and CLIP's ViT-B/16
#
# "DK-CLIP", ACM MM 2024 (github.com/liliupeng28/DK-CLIP; the settings are those of its code).
#
#   1 GPU:       tools/train.py configs/dkclip_vit-b-16_dfew.py
#
# Class texts in action units, losses of snippets of four frames for the first 14 epochs, mixed
# clips, smoothed labels, AdamW. Not the second image tower, the message tokens and the prompts that
# depend on the video. So the published UAR 64.95 / WAR 75.41 are of a larger model; none are
# published for this one, and none were measured here.
_base_ = [
    '_base_/models/dferclip.py',
    '_base_/datasets/dfew.py',
    '_base_/pipelines/dferclip_dfew.py',
    '_base_/schedules/lora_100e.py',
    '_base_/default_runtime.py',
]

mixed = [
    dict(type='MixupBlending', alpha=0.8, num_classes=7),
    dict(type='CutmixBlending', alpha=1.0, num_classes=7),
]
model = dict(
    arch='ViT-B-16',
    data_preprocessor=dict(blending=dict(type='RandomBatchAugment', augments=mixed)),
    cls_head=dict(prompts='action_units', label_smooth_eps=0.1, snippet_frames=4),
)
optim_wrapper = dict(
    optimizer=dict(lr=2e-5, betas=(0.9, 0.98), weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))),
)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=50)]
train_cfg = dict(max_epochs=50)
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
