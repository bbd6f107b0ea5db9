# DFER-CLIP on DFEW with CLIP's ViT-L/14, sharded over the processes (FSDP)
#
#   8 GPUs:      tools/dist_train.sh configs/dferclip_dfew_fsdp_vit-l-14.py 8
#
# For image encoders whose weights, gradients and optimizer state do not fit on one GPU. It runs in
# MMEngine's FlexibleRunner. Evaluate on one GPU: tools/test.py with --cfg-options
# runner_type=Runner. Not in the paper.
_base_ = [
    '_base_/models/dferclip.py',
    '_base_/datasets/dfew.py',
    '_base_/pipelines/dferclip_dfew.py',
    '_base_/schedules/dferclip_50e.py',
    '_base_/default_runtime.py',
]

model = dict(arch='ViT-L-14')
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))

runner_type = 'FlexibleRunner'
strategy = dict(
    type='FSDPStrategy',
    model_wrapper=dict(
        type='MMFullyShardedDataParallel',
        use_orig_params=True,
        # One shard per module of more than ten million weights.
        auto_wrap_policy=dict(
            type='torch.distributed.fsdp.wrap.size_based_auto_wrap_policy', min_num_params=10**7
        ),
    ),
    # The full model in one file, as without sharding.
    state_dict_cfg='full',
)
