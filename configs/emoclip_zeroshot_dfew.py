# EmoCLIP on DFEW without training on it
#
# Foteinopoulou & Patras, "EmoCLIP: A Vision-Language Method for Zero-Shot Video Facial Expression
# Recognition", FG 2024, arXiv 2310.16640.
#
#   tools/test.py configs/emoclip_zeroshot_dfew.py CHECKPOINT
#   other fold:   … --fold 2
#   own prompts:  … --cfg-options model.cls_head.prompts=my_sentences.json
#
# CHECKPOINT: from configs/emoclip_mafw.py, or a published one after tools/convert_checkpoint.py.
#
# Published, not reproduced here: UAR 36.76 / WAR 46.27
# (with the authors' class descriptions, which differ from ours).
_base_ = [
    '_base_/models/emoclip.py',
    '_base_/datasets/dfew.py',
    '_base_/pipelines/emoclip.py',
    '_base_/schedules/evaluation.py',
    '_base_/default_runtime.py',
]

model = dict(cls_head=dict(classes='dfew'))
train_dataloader = None
val_dataloader = None
val_evaluator = None
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
