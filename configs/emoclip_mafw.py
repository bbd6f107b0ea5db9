# EmoCLIP trained on the captions of MAFW
#
# Foteinopoulou & Patras, "EmoCLIP: A Vision-Language Method for Zero-Shot Video Facial Expression
# Recognition", FG 2024, arXiv 2310.16640.
#
#   1 GPU:       tools/train.py configs/emoclip_mafw.py
#   8 GPUs:      tools/dist_train.sh configs/emoclip_mafw.py 8 --batch-size 8 \
#                    --cfg-options model.cls_head.gather_with_grad=True
#   fine-tuned:  … --cfg-options model.backbone.frozen=False \
#                    model.cls_head.text_encoder.frozen=False
#                (CLIP then learns at 1/1000 of the rate)
#   evaluate:    tools/test.py configs/emoclip_zeroshot_dfew.py CHECKPOINT, and the other corpora
#
# Both train on 64 clips per step, for which the rates are; gather makes the clips of all processes
# each other's negatives. For larger steps add --auto-scale-lr.
#
# Clips without an English caption are excluded; MAFW's caption lists have no neutral clips. Not in
# the original and off: model.cls_head.gather_with_grad, .mask_duplicate_texts, .max_logit_scale and
# .fill_captions.
#
# Published, not reproduced here, zero-shot on other corpora (UAR / WAR):
# DFEW 36.76 / 46.27, FERV39k 26.73 / 35.30, MAFW 25.86 / 33.49, AFEW 36.13 / 39.90
# (with the authors' class descriptions, which differ from ours).
_base_ = [
    '_base_/models/emoclip.py',
    '_base_/datasets/mafw.py',
    '_base_/pipelines/emoclip_captions.py',
    '_base_/schedules/emoclip_30e.py',
    '_base_/default_runtime.py',
]

train_dataloader = dict(
    batch_size=64,
    dataset=dict(captions=True, require_caption=True, pipeline=_base_.train_pipeline),
)
# Without captions: the 11 classes and their descriptions.
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
