# Exp-CLIP (arXiv 2405.19100): both towers of frozen CLIP, and one matrix for their features.
model = dict(
    type='FrameRecognizer',
    num_frames=16,
    # Of both towers.
    arch='ViT-L-14',
    # Frames are only divided by 255, as the original does.
    data_preprocessor=dict(
        type='ActionDataPreprocessor', mean=[0, 0, 0], std=[255, 255, 255], format_shape='NCHW'
    ),
    backbone=dict(type='CLIPVisualEncoder', pretrained='openai', frozen=True),
    # The mean over the frames.
    neck=None,
    cls_head=dict(
        type='ExpCLIPHead',
        classes='dfew',
        text_encoder=dict(type='CLIPTextEncoder', pretrained='openai', frozen=True),
        # Also class_names, expression_template, expression_ensemble_5 and expression_ensemble_10.
        prompts='photo_template',
        # The width of FLAN-T5-XXL's encoder.
        projection_dims=4096,
        logit_scale=100.0,
        average_clips='prob',
    ),
)
