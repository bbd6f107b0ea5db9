# Registers our components, and lets mmaction2 1.2.0 import on current PyTorch.
custom_imports = dict(imports=['dferclip_mm'], allow_failed_imports=False)
default_scope = 'mmaction'

# One entry per question; an entry is changed by its name and dropped with None.
default_hooks = dict(
    runtime_info=dict(type='RuntimeInfoHook'),
    timer=dict(type='IterTimerHook'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    logger=dict(type='LoggerHook', interval=20, ignore_last=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    sync_buffers=dict(type='SyncStatisticsHook'),
    # Keeps the last epoch, to resume from, and the best one, to evaluate; writes are atomic.
    checkpoint=dict(
        type='AtomicCheckpointHook',
        interval=1,
        max_keep_ckpts=1,
        save_best='dfer/WAR',
        rule='greater',
    ),
    # Stops before the first step when config, data, classes and model do not fit.
    startup_check=dict(type='StartupCheckHook'),
    # Verifies a checkpoint, and refuses one that does not fit.
    strict_load=dict(type='StrictLoadHook'),
    # Makes a resumed run bitwise equal to an uninterrupted one.
    exact_resume=dict(type='ExactResumeHook'),
    # Saves and stops on Ctrl-C, and when a scheduler sends SIGTERM.
    preemption=dict(type='PreemptionHook'),
    # Stops at a loss or at weights that are NaN or infinite.
    check_invalid_loss=dict(type='CheckInvalidLossHook'),
    # Counts the clips that cannot be read; the dataset's `unreadable` says what happens to them.
    unreadable_clips=dict(type='UnreadableClipsHook'),
)

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    # tools/train.py and tools/test.py use Gloo where there is no GPU.
    dist_cfg=dict(backend='nccl'),
)

log_processor = dict(type='LogProcessor', window_size=20, by_epoch=True)
visualizer = dict(type='ActionVisualizer', vis_backends=[dict(type='LocalVisBackend')])
log_level = 'INFO'
load_from = None
resume = False
