# FERV39k: 7 classes, one split, in the layout in which it is distributed, see README.
_base_ = 'loaders.py'

data_root = 'data/FERV39k'
corpus = dict(type='FERV39kDataset', data_root=data_root)
train_dataloader = dict(dataset=corpus)
val_dataloader = dict(dataset=corpus)
test_dataloader = dict(dataset=corpus)
