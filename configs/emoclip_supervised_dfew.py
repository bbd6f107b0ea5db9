# EmoCLIP trained on DFEW: the class description takes the caption's place
#
# Foteinopoulou & Patras, "EmoCLIP: A Vision-Language Method for Zero-Shot Video Facial Expression
# Recognition", FG 2024, arXiv 2310.16640.
#
#   8 GPUs:       tools/dist_train.sh configs/emoclip_supervised_dfew.py 8
#   1 GPU:        tools/train.py configs/emoclip_supervised_dfew.py
#   all folds:    tools/cross_validate.py configs/emoclip_supervised_dfew.py --gpus 8
#   unseen class: tools/cross_validate.py configs/emoclip_supervised_dfew.py \
#                     --leave-one-class-out --gpus 8
#
# Published, not measured again here: UAR 58.04 / WAR 62.12
# (with the authors' own class descriptions; ours are other sentences).
_base_ = [
    '_base_/models/emoclip.py',
    '_base_/datasets/dfew.py',
    '_base_/pipelines/emoclip.py',
    '_base_/schedules/emoclip_50e.py',
    '_base_/default_runtime.py',
]

model = dict(cls_head=dict(classes='dfew', text_source='class_prompts'))
# In each process, whose clips are each other's negatives.
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
