# DFER-CLIP on MAFW without training on it
#
# Zhao & Patras, "Prompting Visual-Language Models for Dynamic Facial Expression Recognition",
# BMVC 2023, arXiv 2308.13382.
#
#   tools/train.py configs/dferclip_dfew.py --cfg-options model.cls_head.class_specific=False
#   tools/test.py configs/dferclip_zeroshot_mafw.py CHECKPOINT
#
# CHECKPOINT: from that training. A context shared by all classes also applies to new ones; the
# class-specific contexts of the published checkpoints do not. No figures are published.
_base_ = [
    '_base_/models/dferclip.py',
    '_base_/datasets/mafw.py',
    '_base_/pipelines/dferclip.py',
    '_base_/schedules/evaluation.py',
    '_base_/default_runtime.py',
]

model = dict(cls_head=dict(classes='mafw', class_specific=False))
train_dataloader = None
val_dataloader = None
val_evaluator = None
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
