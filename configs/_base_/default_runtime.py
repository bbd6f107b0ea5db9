# Registers our components, and lets MMAction2 1.2.0 import on current PyTorch.
custom_imports = dict(imports=['dferclip_mm'], allow_failed_imports=False)
default_scope = 'mmaction'

default_hooks = dict(
    runtime_info=dict(type='RuntimeInfoHook'),
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=20, ignore_last=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # The last epoch, to resume from, and the best one, to evaluate.
    checkpoint=dict(
        type='AtomicCheckpointHook',
        interval=1,
        max_keep_ckpts=1,
        save_best='dfer/WAR',
        rule='greater',
    ),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    sync_buffers=dict(type='SyncStatisticsHook'),
)
custom_hooks = [
    # Stop at the start, not in the last epoch.
    dict(type='ConfigKeysHook'),
    dict(type='ClassNamesHook'),
    dict(type='DryRunHook'),
    # Read and store checkpoints as data, and take those alone that fit.
    dict(type='CheckpointContentHook'),
    dict(type='StrictLoadHook'),
    # Count the clips that cannot be read; what becomes of them, the data sets' settings say.
    dict(type='UnreadableClipsHook'),
    # Draw by seed, epoch and sample, so that a resumed run goes on as if it had not stopped.
    dict(type='RandomnessHook'),
    # Save and end when the scheduler asks for it; go on within the epoch.
    dict(type='PreemptionHook'),
    dict(type='MidEpochHook'),
    # Validate on resume what the run was stopped before.
    dict(type='MissedValidationHook'),
    # Stop at a loss or at weights that are no numbers.
    dict(type='CheckInvalidLossHook'),
    # Say which clips choose the best checkpoint.
    dict(type='SelectionHook'),
]

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    # tools/train.py and tools/test.py use Gloo without GPUs.
    dist_cfg=dict(backend='nccl'),
)

log_processor = dict(type='LogProcessor', window_size=20, by_epoch=True)
visualizer = dict(type='ActionVisualizer', vis_backends=[dict(type='LocalVisBackend')])
log_level = 'INFO'
load_from = None
resume = False
