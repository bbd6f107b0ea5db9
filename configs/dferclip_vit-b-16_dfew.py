# DFER-CLIP on DFEW with CLIP's ViT-B/16
#
#   8 GPUs:      tools/dist_train.sh configs/dferclip_vit-b-16_dfew.py 8
#
# DFER-CLIP's recipe with smaller patches, as later methods use them: four times the tokens of
# ViT-B/32. 6 clips keep 9.9 GiB for the backward pass (counted), or 0.8 with
# backbone.grad_checkpointing. Not in the paper, so no figures are published.
_base_ = 'dferclip_dfew.py'

model = dict(arch='ViT-B-16')
