# DFER-CLIP on DFEW, with the best epoch chosen on training clips that are held out
#
#   8 GPUs:      tools/dist_train.sh configs/dferclip_dfew_val10.py 8
#
# The published figures choose on the test clips, so these are lower and cannot be compared with
# them. For the last epoch instead: dferclip_dfew.py with
# --cfg-options default_hooks.checkpoint.save_best=None.
_base_ = 'dferclip_dfew.py'

# A tenth of each class of the training list. Both sides need the same fraction and seed.
held_out = dict(val_fraction=0.1, val_seed=0)
train_dataloader = dict(dataset=held_out)
val_dataloader = dict(dataset=dict(split='validation', **held_out))
