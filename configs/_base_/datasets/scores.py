# Your own clips with scores: data/scores/scores.csv has the columns clip, one per target, and split
# (train or test). The clips are in data/scores/clips.
_base_ = 'loaders.py'

data_root = 'data/scores'
targets = ['severity']
corpus = dict(
    type='ClipListDataset',
    data_root=data_root,
    ann_file='scores.csv',
    data_prefix=dict(clips='clips'),
    columns=dict(path='clip', label=None, split='split', scores=targets),
)
train_dataloader = dict(batch_size=64, dataset=corpus)
val_dataloader = dict(batch_size=64, dataset=corpus)
test_dataloader = dict(batch_size=64, dataset=corpus)

val_evaluator = dict(_delete_=True, type='RegressionMetric')
test_evaluator = val_evaluator
