# DFER-CLIP on frozen CLIP with low-rank updates (LoRA), in the setting of CLAIP-Emo.
_base_ = 'dferclip.py'

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
    backbone=dict(lora=dict(rank=8, alpha=32, dropout=0.1), grad_checkpointing=True),
    cls_head=dict(label_smooth_eps=0.1),
)
