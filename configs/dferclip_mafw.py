# DFER-CLIP on MAFW
#
# Zhao & Patras, "Prompting Visual-Language Models for Dynamic Facial Expression Recognition",
# BMVC 2023, arXiv 2308.13382.
#
#   8 GPUs:      tools/dist_train.sh configs/dferclip_mafw.py 8
#   1 GPU:       tools/train.py configs/dferclip_mafw.py --batch-size 48
#   all folds:   tools/cross_validate.py configs/dferclip_mafw.py --gpus 8
#
# Published, not reproduced here: UAR 39.89 / WAR 52.55, mean of five folds
# (best epoch on the test clips, with the authors' prompts, which differ from ours).
_base_ = [
    '_base_/models/dferclip.py',
    '_base_/datasets/mafw.py',
    '_base_/pipelines/dferclip.py',
    '_base_/schedules/dferclip_50e.py',
    '_base_/default_runtime.py',
]

model = dict(cls_head=dict(classes='mafw'))
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
