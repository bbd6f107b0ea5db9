# Exp-CLIP on FERV39k without training on it
#
# Zhao, Cao, Gong & Patras, "Enhancing Zero-Shot Facial Expression Recognition by LLM Knowledge
# Transfer", WACV 2025, arXiv 2405.19100.
#
#   tools/test.py configs/expclip_zeroshot_ferv39k.py CHECKPOINT
#   other prompts: … --cfg-options model.cls_head.prompts=expression_ensemble_10
#
# CHECKPOINT: a published one after tools/convert_checkpoint.py, or from configs/expclip.py.
#
# Published, not reproduced here: UAR / WAR 27.94 / 31.57; with
# expression_template 27.44 / 26.23, with ten templates 29.17 / 31.43 (the authors' log
# of ViT-L/14, ExpCLIP_L14.txt; their templates differ from ours).
_base_ = [
    '_base_/models/expclip.py',
    '_base_/datasets/ferv39k.py',
    '_base_/pipelines/dferclip.py',
    '_base_/schedules/evaluation.py',
    '_base_/default_runtime.py',
]

model = dict(cls_head=dict(classes='ferv39k'))
train_dataloader = None
val_dataloader = None
val_evaluator = None
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
