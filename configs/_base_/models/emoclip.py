# EmoCLIP (arXiv 2310.16640): frozen CLIP, a wide temporal Transformer, sentences as labels.
model = dict(
    type='FrameRecognizer',
    num_frames=32,
    # Of both towers.
    arch='ViT-B-32',
    # CLIP's mean and deviation, times 255.
    data_preprocessor=dict(
        type='ActionDataPreprocessor',
        mean=[122.7709383, 116.7460125, 104.09373615],
        std=[68.5005327, 66.6321579, 70.32316305],
        format_shape='NCHW',
    ),
    backbone=dict(type='CLIPVisualEncoder', pretrained='openai', frozen=True),
    neck=dict(
        type='TemporalTransformer',
        # The published position table has 1024 rows; 33 are used.
        max_frames=1023,
        depth=2,
        num_heads=8,
        head_dim=2048,
        mlp_dim=512,
    ),
    cls_head=dict(
        type='VideoTextContrastiveHead',
        classes='mafw',
        text_encoder=dict(type='CLIPTextEncoder', pretrained='openai', frozen=True),
        prompts='descriptions',
        # OpenAI CLIP's scale; learned from there, and not clamped.
        init_logit_scale=100.0,
        average_clips='prob',
    ),
)
