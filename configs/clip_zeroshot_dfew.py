# Zero-shot CLIP on DFEW: the mean over the frames, nothing trained
#
# Radford et al., "Learning Transferable Visual Models From Natural Language Supervision",
# ICML 2021, arXiv 2103.00020; as a baseline in arXiv 2310.16640.
#
#   tools/test.py configs/clip_zeroshot_dfew.py
#
# Published, not reproduced here: UAR 22.08 / WAR 21.30 (FERV39k 18.12 /
# 17.38, MAFW 13.39 / 15.48, AFEW 28.59 / 28.87; with the authors' class descriptions).
_base_ = [
    '_base_/models/emoclip.py',
    '_base_/datasets/dfew.py',
    '_base_/pipelines/emoclip.py',
    '_base_/schedules/evaluation.py',
    '_base_/default_runtime.py',
]

model = dict(neck=None, cls_head=dict(classes='dfew'))
train_dataloader = None
val_dataloader = None
val_evaluator = None
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
