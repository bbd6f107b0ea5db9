# Exp-CLIP trained on faces without labels, and what a language model says of them
#
# Zhao, Cao, Gong & Patras, "Enhancing Zero-Shot Facial Expression Recognition by LLM Knowledge
# Transfer", WACV 2025, arXiv 2405.19100.
#
#   tools/train.py configs/expclip.py, then tools/test.py configs/expclip_zeroshot_dfew.py
#
# data/faces/clips.csv lists the faces in its column clip, data/faces/clips has them: folders of
# images, or videos, of which one frame is drawn. data/faces/llm_features.safetensors has a vector
# for each, named as the clip; see docs/expclip.md. The paper's are 48,640 faces of CAER-S, and the
# mean over the encoder's tokens of BLIP-2's FLAN-T5-XXL. Not reproduced here.
_base_ = [
    '_base_/models/expclip.py',
    '_base_/datasets/loaders.py',
    '_base_/pipelines/dferclip.py',
    '_base_/schedules/expclip_5e.py',
    '_base_/default_runtime.py',
]

faces = dict(
    type='ClipListDataset',
    data_root='data/faces',
    ann_file='clips.csv',
    data_prefix=dict(clips='clips'),
    columns=dict(path='clip', label=None),
)
train_pipeline = [
    dict(type='LoadTextFeatures', file='data/faces/llm_features.safetensors'),
    dict(type='ClipInit'),
    dict(type='SampleSegments', num_frames=1),
    *_base_.test_pipeline[2:-1],
    dict(**_base_.pack, algorithm_keys=('text_features',)),
]
train_dataloader = dict(batch_size=512, dataset=dict(**faces, pipeline=train_pipeline))
val_dataloader = None
val_evaluator = None
test_dataloader = None
test_evaluator = None
model = dict(num_frames=1)
default_hooks = dict(checkpoint=dict(save_best=None))
