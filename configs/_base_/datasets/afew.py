# AFEW: 7 classes. Folders instead of lists, see README. The test labels are not public, so the
# validation set is tested on.
_base_ = 'loaders.py'

data_root = 'data/AFEW'
corpus = dict(type='AFEWDataset', data_root=data_root)
train_dataloader = dict(dataset=corpus)
val_dataloader = dict(dataset=corpus)
test_dataloader = dict(dataset=corpus)
