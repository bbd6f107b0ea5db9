# DFER-CLIP's temporal Transformer and prompts on DFEW, with CLIP's ViT-L/14 adapted by LoRA
#
#   1 GPU:       tools/train.py configs/dferclip_vit-l-14_lora_dfew.py
#
# The visual half of CLAIP-Emo (IEEE SPL 2026) under DFER-CLIP's text head, where CLAIP-Emo has a
# linear one: a frozen CLIP with low-rank updates of its attention and MLPs. CLAIP-Emo's figures
# (WAR 80.14) are with sound. For this half none are published, and none were measured here.
_base_ = [
    '_base_/models/dferclip_lora.py',
    '_base_/datasets/dfew.py',
    '_base_/pipelines/dferclip_randaugment.py',
    '_base_/schedules/lora_100e.py',
    '_base_/default_runtime.py',
]

train_dataloader = dict(batch_size=8, dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))

# Counted for 8 clips: 3.1 GiB are kept for the backward pass, and 2.0 while a block is recomputed;
# 47.8 GiB without. So they fit on a GPU of 24 GB.
model = dict(arch='ViT-L-14')
