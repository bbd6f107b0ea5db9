# MAFW: 11 single expressions, 5 folds, in the layout in which it is distributed, see README.
_base_ = 'loaders.py'

data_root = 'data/MAFW'
corpus = dict(type='MAFWDataset', data_root=data_root, fold=1)
train_dataloader = dict(dataset=corpus)
val_dataloader = dict(dataset=corpus)
test_dataloader = dict(dataset=corpus)
