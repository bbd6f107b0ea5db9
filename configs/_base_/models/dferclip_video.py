# DFER-CLIP's text prompts in MMAction2's Recognizer3D, for video backbones trained on Kinetics.
_base_ = 'dferclip.py'

model = dict(
    _delete_=True,
    type='Recognizer3D',
    data_preprocessor=dict(
        type='ActionDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        format_shape='NCTHW',
    ),
    cls_head=_base_.model.cls_head,
)
