# DFER-CLIP on FERV39k
#
# Zhao & Patras, "Prompting Visual-Language Models for Dynamic Facial Expression Recognition",
# BMVC 2023, arXiv 2308.13382.
#
#   8 GPUs:      tools/dist_train.sh configs/dferclip_ferv39k.py 8
#   1 GPU:       tools/train.py configs/dferclip_ferv39k.py --batch-size 48
#
# Published, not reproduced here: UAR 41.27 / WAR 51.65, one split
# (best epoch on the test clips, with the authors' prompts, which differ from ours).
_base_ = [
    '_base_/models/dferclip.py',
    '_base_/datasets/ferv39k.py',
    '_base_/pipelines/dferclip_ferv39k.py',
    '_base_/schedules/dferclip_50e.py',
    '_base_/default_runtime.py',
]

model = dict(cls_head=dict(classes='ferv39k'))
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
