# EmoCLIP trained on the captions of MAFW
#
# Foteinopoulou & Patras, "EmoCLIP: A Vision-Language Method for Zero-Shot Video Facial Expression
# Recognition", FG 2024, arXiv 2310.16640.
#
#   8 GPUs:      tools/dist_train.sh configs/emoclip_mafw.py 8
#   1 GPU:       tools/train.py configs/emoclip_mafw.py
#   fine-tuned:  … --cfg-options model.backbone.frozen=False \
#                    model.cls_head.text_encoder.frozen=False
#                (CLIP then learns at 1/1000 of the rate)
#
# Then: tools/test.py configs/emoclip_zeroshot_dfew.py CHECKPOINT, and the like.
#
# Clips without an English caption are left out, and MAFW's lists with captions have no neutral
# clip. Beyond the original, and off here: model.cls_head.gather_with_grad,
# .mask_duplicate_texts, .max_logit_scale, .fill_captions.
#
# Published, not measured again here, on other data without training on it (UAR / WAR):
# DFEW 36.76 / 46.27, FERV39k 26.73 / 35.30, MAFW 25.86 / 33.49, AFEW 36.13 / 39.90
# (with the authors' own class descriptions; ours are other sentences).
_base_ = [
    '_base_/models/emoclip.py',
    '_base_/datasets/mafw.py',
    '_base_/pipelines/emoclip_captions.py',
    '_base_/schedules/emoclip_30e.py',
    '_base_/default_runtime.py',
]

train_dataloader = dict(
    # In each process, whose clips are each other's negatives.
    batch_size=64,
    dataset=dict(captions=True, require_caption=True, pipeline=_base_.train_pipeline),
)
# Without captions: the 11 classes by their descriptions.
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
