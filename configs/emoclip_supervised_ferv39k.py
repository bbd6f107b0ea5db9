# EmoCLIP trained on FERV39k, with class descriptions as captions
#
# Foteinopoulou & Patras, "EmoCLIP: A Vision-Language Method for Zero-Shot Video Facial Expression
# Recognition", FG 2024, arXiv 2310.16640.
#
#   1 GPU:        tools/train.py configs/emoclip_supervised_ferv39k.py
#   8 GPUs:       tools/dist_train.sh configs/emoclip_supervised_ferv39k.py 8 --batch-size 8 \
#                     --cfg-options model.cls_head.gather_with_grad=True
#   unseen class: tools/cross_validate.py configs/emoclip_supervised_ferv39k.py \
#                     --leave-one-class-out --gpus 8
#
# Published, not reproduced here: UAR 31.41 / WAR 36.18
# (with the authors' class descriptions, which differ from ours).
_base_ = [
    '_base_/models/emoclip.py',
    '_base_/datasets/ferv39k.py',
    '_base_/pipelines/emoclip.py',
    '_base_/schedules/emoclip_50e.py',
    '_base_/default_runtime.py',
]

model = dict(cls_head=dict(classes='ferv39k', text_source='class_prompts'))
# The rates are for 64 clips per step: on one GPU, or 8 on each of 8.
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
