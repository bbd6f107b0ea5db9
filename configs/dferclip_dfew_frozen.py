# DFER-CLIP's temporal Transformer and prompts on DFEW, over CLIP's frozen image encoder
#
# Another training regime than the paper's: the image encoder is not trained, and frames are not
# augmented (no brightness, crop or flip). There is no published figure for it.
#
#   tools/train.py configs/dferclip_dfew_frozen.py
#
# dferclip_dfew_frozen_cached.py trains the same much faster; this config evaluates on pixels what
# that one has trained:
#
#   tools/test.py configs/dferclip_dfew_frozen.py work_dirs/dferclip_dfew_frozen_cached/best_….pth
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
    # Takes frames, and their features as they are.
    data_preprocessor=dict(type='FrameOrFeaturePreprocessor'),
    backbone=dict(frozen=True),
)
