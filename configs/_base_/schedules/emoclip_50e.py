# The recipe of EmoCLIP on class descriptions: 50 epochs, a tenth of the rate after 25.
_base_ = 'emoclip_30e.py'

param_scheduler = [dict(type='MultiStepLR', by_epoch=True, milestones=[25], gamma=0.1)]
train_cfg = dict(max_epochs=50)
