# DFER-CLIP's temporal Transformer and prompts on DFEW, with CLIP's image encoder frozen
#
#   train:       tools/train.py configs/dferclip_dfew_frozen.py
#   evaluate:    tools/test.py configs/dferclip_dfew_frozen.py CHECKPOINT
#
# Not the paper's training: the image encoder is fixed and frames are not augmented (no brightness,
# crop or flip). No figures are published. dferclip_dfew_frozen_cached.py trains the same model much
# faster, and CHECKPOINT may be from there.
_base_ = [
    '_base_/models/dferclip.py',
    '_base_/datasets/dfew.py',
    '_base_/pipelines/dferclip_frozen.py',
    '_base_/schedules/dferclip_50e.py',
    '_base_/default_runtime.py',
]

# One process, so the paper's 48 clips in one batch.
train_dataloader = dict(batch_size=48, dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
model = dict(
    # Takes frames or their features.
    data_preprocessor=dict(type='FrameOrFeaturePreprocessor'),
    backbone=dict(frozen=True),
)
