# Your own clips in small: drawn faces in a CSV, three own classes, folds by person
#
#   demo/make_own_data.py data/own
#   tools/check_dataset.py configs/demo_custom.py --folds all
#   tools/cross_validate.py configs/demo_custom.py
#
# The model and its training are those of demo_dferclip.py, the datasets those of custom.py.
_base_ = 'demo_dferclip.py'

classes = ['smiling', 'frowning', 'startled']
clips = dict(
    type='ClipListDataset',
    data_root='data/own',
    ann_file='clips.csv',
    data_prefix=dict(clips='clips'),
    columns=dict(subject='subject'),
    metainfo=dict(classes=classes),
    folds=5,
)
train_dataloader = dict(dataset=clips)
val_dataloader = dict(dataset=clips)
test_dataloader = dict(dataset=clips)
model = dict(cls_head=dict(classes=classes, prompts='class_names'))

# So few people cannot choose an epoch: the last one is the result.
default_hooks = dict(checkpoint=dict(save_best=None))
auto_scale_lr = dict(base_batch_size=6)
