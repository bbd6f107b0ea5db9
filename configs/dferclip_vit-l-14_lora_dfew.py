# DFER-CLIP's temporal Transformer and prompts on DFEW, with CLIP's ViT-L/14 adapted by LoRA
#
#   1 GPU:       tools/train.py configs/dferclip_vit-l-14_lora_dfew.py
#
# The visual half of CLAIP-Emo (IEEE SPL 2026) under DFER-CLIP's text head, where CLAIP-Emo has a
# linear one: a frozen CLIP with low-rank updates of its attention and MLPs. CLAIP-Emo's figures
# (WAR 80.14) are with sound. For this half none are published, and none were measured here.
_base_ = [
    '_base_/models/dferclip.py',
    '_base_/datasets/dfew.py',
    '_base_/pipelines/dferclip_randaugment.py',
    '_base_/schedules/lora_100e.py',
    '_base_/default_runtime.py',
]

train_dataloader = dict(batch_size=8, dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))

model = dict(
    # CLIP's own mean and deviation. Clips are mixed with others of the batch, and their labels too.
    data_preprocessor=dict(
        mean=[122.771, 116.746, 104.094],
        std=[68.501, 66.632, 70.323],
        blending=dict(
            type='RandomBatchAugment',
            augments=[
                dict(type='MixupBlending', alpha=0.8, num_classes=7),
                dict(type='CutmixBlending', alpha=1.0, num_classes=7),
            ],
        ),
    ),
    backbone=dict(
        arch='ViT-L-14',
        lora=dict(rank=8, alpha=32, dropout=0.1),
        # Counted for 8 clips: 3.1 GiB are kept for the backward pass, and 2.0 while a block is
        # recomputed; 47.8 GiB without. So they fit on a GPU of 24 GB.
        grad_checkpointing=True,
    ),
    cls_head=dict(text_encoder=dict(arch='ViT-L-14'), label_smooth_eps=0.1),
)
