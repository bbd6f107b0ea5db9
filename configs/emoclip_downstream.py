# Regression of your own scores on EmoCLIP's features
#
# Foteinopoulou & Patras, "EmoCLIP: A Vision-Language Method for Zero-Shot Video Facial Expression
# Recognition", FG 2024, arXiv 2310.16640.
#
#   tools/train.py configs/emoclip_downstream.py \
#       --cfg-options default_hooks.load_pretrained.checkpoint=CHECKPOINT
#
# CHECKPOINT: from configs/emoclip_mafw.py, or a published one after tools/convert_checkpoint.py.
# Its temporal Transformer is fine-tuned (model.neck.frozen=True keeps it fixed);
# model.backbone.frozen=False trains CLIP too. Files and targets: _base_/datasets/scores.py.
# The paper's clinical recordings are not public, so there is no figure to compare with.
_base_ = [
    '_base_/models/emoclip.py',
    '_base_/datasets/scores.py',
    '_base_/pipelines/emoclip_scores.py',
    '_base_/schedules/emoclip_30e.py',
    '_base_/default_runtime.py',
]

model = dict(
    cls_head=dict(
        _delete_=True,
        type='RegressionHead',
        targets=_base_.targets,
        in_channels=512,
        hidden_dim=256,
    )
)
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
default_hooks = dict(
    load_pretrained=dict(
        type='LoadPretrainedHook',
        checkpoint='work_dirs/emoclip_mafw/epoch_30.pth',
        prefixes=('neck',),
    ),
    checkpoint=dict(save_best='regression/CCC', rule='greater'),
)
