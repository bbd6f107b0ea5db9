# DFER-CLIP on DFEW, the best epoch chosen on clips held out of training, not on the test clips.
#
#   tools/dist_train.sh configs/dferclip_dfew_val10.py 8
#
# The published figures choose on the test clips, so these come out lower and are no comparison for
# them. For the last epoch instead: dferclip_dfew.py with
# --cfg-options default_hooks.checkpoint.save_best=None.
_base_ = 'dferclip_dfew.py'

# A tenth of every class of the training list; both sides must name the same share and seed.
held_out = dict(val_fraction=0.1, val_seed=0)
train_dataloader = dict(dataset=held_out)
val_dataloader = dict(dataset=dict(split='validation', **held_out))
