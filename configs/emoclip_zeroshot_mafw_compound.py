# EmoCLIP on the compound expressions of MAFW without training on them
#
# Foteinopoulou & Patras, "EmoCLIP: A Vision-Language Method for Zero-Shot Video Facial Expression
# Recognition", FG 2024, arXiv 2310.16640.
#
#   tools/test.py configs/emoclip_zeroshot_mafw_compound.py CHECKPOINT
#   own prompts:  … --cfg-options model.cls_head.prompts=my_sentences.json
#
# CHECKPOINT: from configs/emoclip_mafw.py, or a published one after tools/convert_checkpoint.py.
# The classes are those of MAFW's lists; a compound is the mean of its emotions' text features.
_base_ = [
    '_base_/models/emoclip.py',
    '_base_/datasets/mafw.py',
    '_base_/pipelines/emoclip.py',
    '_base_/schedules/evaluation.py',
    '_base_/default_runtime.py',
]

# The dataset names the classes.
model = dict(cls_head=dict(classes=None))
train_dataloader = None
val_dataloader = None
val_evaluator = None
test_dataloader = dict(dataset=dict(compound=True, pipeline=_base_.test_pipeline))
