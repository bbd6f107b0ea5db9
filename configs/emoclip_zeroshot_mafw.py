# EmoCLIP on MAFW without training on it
#
# Foteinopoulou & Patras, "EmoCLIP: A Vision-Language Method for Zero-Shot Video Facial Expression
# Recognition", FG 2024, arXiv 2310.16640.
#
#   tools/test.py configs/emoclip_zeroshot_mafw.py CHECKPOINT
#   other fold:   … --fold 2
#   own prompts:  … --cfg-options model.cls_head.prompts=my_sentences.json
#
# CHECKPOINT: from configs/emoclip_mafw.py, or a published one after tools/convert_checkpoint.py.
#
# Published, not reproduced here: UAR 25.86 / WAR 33.49
# (with the authors' class descriptions, which differ from ours).
_base_ = [
    '_base_/models/emoclip.py',
    '_base_/datasets/mafw.py',
    '_base_/pipelines/emoclip.py',
    '_base_/schedules/evaluation.py',
    '_base_/default_runtime.py',
]

train_dataloader = None
val_dataloader = None
val_evaluator = None
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
