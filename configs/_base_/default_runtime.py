# Registers our components, and lets mmaction2 1.2.0 import on current PyTorch.
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
    # Verify a checkpoint, and refuse one that does not fit.
    dict(type='StrictLoadHook'),
    # Count the clips that cannot be read; what becomes of them, the data sets' settings say.
    dict(type='UnreadableClipsHook'),
    # Make a resumed run bitwise equal to an uninterrupted one.
    dict(type='ExactResumeHook'),
    # Save and exit when the scheduler ends the run.
    dict(type='PreemptionHook'),
    # Stop at a loss or at weights that are no numbers.
    dict(type='CheckInvalidLossHook'),
    # Say which clips choose the best checkpoint.
    dict(type='SelectionHook'),
]

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    # tools/train.py and tools/test.py take gloo where there is no GPU.
    dist_cfg=dict(backend='nccl'),
)

log_processor = dict(type='LogProcessor', window_size=20, by_epoch=True)
visualizer = dict(type='ActionVisualizer', vis_backends=[dict(type='LocalVisBackend')])
log_level = 'INFO'
load_from = None
resume = False
