# DFER-CLIP (arXiv 2308.13382): CLIP frames, a temporal Transformer, prompts that describe faces.
model = dict(
    type='FrameRecognizer',
    num_frames=16,
    # Of both towers.
    arch='ViT-B-32',
    # Frames are only divided by 255: the original does not use CLIP's mean and deviation.
    data_preprocessor=dict(
        type='ActionDataPreprocessor', mean=[0, 0, 0], std=[255, 255, 255], format_shape='NCHW'
    ),
    backbone=dict(type='CLIPVisualEncoder', pretrained='openai'),
    neck=dict(
        type='TemporalTransformer',
        max_frames=16,
        depth=1,
        num_heads=8,
        head_dim=64,
        mlp_dim=1024,
    ),
    cls_head=dict(
        type='TextPromptHead',
        classes='dfew',
        text_encoder=dict(type='CLIPTextEncoder', pretrained='openai'),
        prompts='descriptions',
        num_context=8,
        class_specific=True,
        context_position='end',
        # Fixed, unlike CLIP's learned scale.
        logit_scale=100.0,
        average_clips='prob',
    ),
)
