# DFER-CLIP on your own clips: copy this file and fill it in, see docs/own_data.md
#
#   check:         tools/check_dataset.py configs/custom.py
#   one fold:      tools/train.py configs/custom.py --fold 1 --batch-size 48
#   all folds:     tools/cross_validate.py configs/custom.py --batch-size 48
_base_ = [
    '_base_/models/dferclip.py',
    '_base_/datasets/loaders.py',
    '_base_/pipelines/dferclip_dfew.py',
    '_base_/schedules/dferclip_50e.py',
    '_base_/default_runtime.py',
]

# In any order; it is the order of the labels from here on.
classes = ['no pain', 'pain']
# What the text encoder reads for each class; '*' is for all others, with {} for the name.
prompts = {'pain': 'lowered brows, tight eyelids, a raised lip.', '*': 'an expression of {}.'}

clips = dict(
    type='ClipListDataset',
    data_root='data/custom',
    # A CSV, TSV, JSON Lines, Parquet or Excel file with a header; without ann_file and columns,
    # the clips of <data_root>/clips/<class>/.
    ann_file='clips.csv',
    data_prefix=dict(clips='clips'),
    # What each column is called in the file. Others are fold, split, caption, weight, start, end,
    # votes and scores.
    columns=dict(path='path', label='label', subject='subject'),
    metainfo=dict(classes=classes),
    # Five folds, nobody in two of them.
    folds=5,
    fold=1,
)
# A fifth of the training people choose the best epoch; the test clips choose nothing.
held_out = dict(val_fraction=0.2, val_seed=0)

train_dataloader = dict(dataset=dict(**clips, **held_out, pipeline=_base_.train_pipeline))
val_dataloader = dict(
    dataset=dict(**clips, **held_out, split='validation', pipeline=_base_.test_pipeline)
)
test_dataloader = dict(dataset=dict(**clips, pipeline=_base_.test_pipeline))
model = dict(cls_head=dict(classes=classes, prompts=dict(_delete_=True, **prompts)))

default_hooks = dict(checkpoint=dict(save_best='dfer/UAR'))
