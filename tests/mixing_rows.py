"""What is mixed: a row for every family of backbones, from MMAction2's own configs."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """A family, and how it is made small.

    Args:
        family: what the page calls it.
        config: a pattern that fits one of MMAction2's configs, below ``configs/recognition``.
        channels: D, which users write as ``in_channels``.
        frames: of a view; fewer than the config's where the backbone allows it.
        size: of the frames, in pixels; MMAction2's backbones take any but where `smaller` says.
        smaller: arguments of the backbone that only make it small. The width of the answer, the
            kinds of layers and their order stay.
        backbone: stands in place of the config's.
        unused: parameters of the backbone that its answer does not depend on, by their beginning.
    """

    family: str
    config: str
    channels: int
    frames: int
    size: int = 64
    smaller: dict = field(default_factory=dict)
    backbone: dict | None = None
    unused: tuple[str, ...] = ()


TSN = 'tsn/*r50_8xb32-1x1x8-100e_kinetics400-rgb.py'
SMALL_VIT = dict(img_size=32, depth=2)
SMALL_TIMESFORMER = dict(img_size=32, num_transformer_layers=2)
SMALL_UNIFORMER = dict(
    input_resolution=32, layers=4, return_list=[2, 3], n_layers=2, mlp_dropout=[0.5, 0.5]
)
FRAMES_OF_VIDEOMAE = dict(
    size=32, smaller=dict(SMALL_VIT, return_feat_map=True), unused=('fc_norm.',)
)

# MMAction2's image backbones, in its Recognizer2D.
IMAGE_ROWS = [
    Row('TSN, ResNet-50', TSN, 2048, 3),
    Row('TRN, ResNet-50', 'trn/*r50_8xb16-1x1x8-50e_sthv1*', 2048, 8),
    Row('TSM, ResNet-50', 'tsm/*-r50_8xb16-1x1x8-50e_kinetics400*', 2048, 8),
    Row('TSM, ResNet-50, non-local', 'tsm/*r50-nl-dot-product_8xb16-1x1x8-50e*', 2048, 8),
    Row('TSM, MobileNetV2', 'tsm/*mobilenetv2*', 1280, 8),
    Row('TSN, MobileNetV2', TSN, 1280, 3, backbone=dict(type='MobileNetV2')),
    Row('TANet, ResNet-50', 'tanet/*1x1x8-50e_sthv1*', 2048, 8),
    Row('C2D, ResNet-50, no pooling', 'c2d/c2d_r50-in1k-pre-nopool*', 2048, 8),
    Row('TPN, TSM', 'tpn/tpn-tsm*', 2048, 8),
]

# MMAction2's video backbones, in its Recognizer3D.
VIDEO_ROWS = [
    Row('C2D, ResNet-50', 'c2d/c2d_r50-in1k-pre_8xb32-8x8x1*', 2048, 8),
    Row('I3D, ResNet-50', 'i3d/*r50_8xb8-32x2x1*', 2048, 16),
    Row('I3D, ResNet-50, non-local', 'i3d/*r50-nl-dot-product*', 2048, 16),
    Row(
        'SlowOnly, ResNet-50', 'slowonly/slowonly_r50_8xb16-4x16x1-256e_kinetics400-rgb.py', 2048, 4
    ),
    Row('TPN, SlowOnly', 'tpn/tpn-slowonly_r50*', 2048, 8),
    Row(
        'SlowFast, ResNet-50', 'slowfast/slowfast_r50_8xb8-4x16x1-256e_kinetics400-rgb.py', 2304, 32
    ),
    Row('R(2+1)D, ResNet-34', 'r2plus1d/*8x8x1*', 512, 16),
    Row('CSN, ResNet-50', 'csn/ircsn_ig65m-pretrained-r50-bnfrozen*', 2048, 16),
    Row('X3D-S', 'x3d/x3d_s*', 432, 13),
    Row('C3D', 'c3d/*.py', 4096, 16, size=32, smaller=dict(out_dim=2048)),
    Row('OmniSource, SlowOnly', 'omnisource/*.py', 2048, 8),
    Row('TimeSformer, divided', 'timesformer/*divST*', 768, 8, 32, SMALL_TIMESFORMER),
    Row('TimeSformer, joint', 'timesformer/*jointST*', 768, 8, 32, SMALL_TIMESFORMER),
    Row('TimeSformer, space only', 'timesformer/*spaceOnly*', 768, 8, 32, SMALL_TIMESFORMER),
    Row('Swin3D-T', 'swin/swin-tiny*', 768, 16),
    Row('MViTv2-S', 'mvit/mvit-small-p244_32xb16-16x4x1*', 768, 16, smaller=dict(spatial_size=64)),
    Row('UniFormer-S', 'uniformer/uniformer-small*', 512, 16),
    Row(
        'UniFormerV2-B/16',
        'uniformerv2/*base*_clip_8xb32-u8_kinetics400*',
        768,
        8,
        32,
        SMALL_UNIFORMER,
    ),
    Row('VideoMAE, ViT-B/16', 'videomae/vit-base*', 768, 16, 32, SMALL_VIT),
    Row('VideoMAE, return_feat_map=True', 'videomae/vit-base*', 768, 16, **FRAMES_OF_VIDEOMAE),
    Row('VideoMAEv2, ViT-S/16', 'videomaev2/vit-small*', 384, 16, 32, SMALL_VIT),
]


def foreign(name: str, channels: int, unused: tuple[str, ...] = (), **options: object) -> Row:
    """An image backbone of another library, in MMAction2's TSN config."""
    return Row(name, TSN, channels, 3, backbone=dict(type=name, **options), unused=unused)


CLIP = dict(
    embed_dim=512,
    vision_cfg=dict(image_size=64, layers=2, width=64, patch_size=32),
    text_cfg=dict(context_length=77, vocab_size=49408, width=32, heads=2, layers=1),
)
SWIN = 'timm.swin_tiny_patch4_window7_224'
FOREIGN_ROWS = [
    foreign('CLIPVisualEncoder', 512, arch=CLIP),
    foreign('timm.resnet18', 512),
    foreign('timm.mobilenetv3_small_100', 576, unused=('conv_head.',)),
    foreign('timm.convnext_atto', 320, unused=('head.norm.',)),
    foreign('timm.vit_tiny_patch16_224', 192, img_size=64),
    foreign(SWIN, 768, img_size=64, feature_shape='NHWC'),
    foreign('torchvision.resnet18', 512),
    foreign('torchvision.mobilenet_v3_small', 576),
    foreign('torchvision.swin_t', 768, unused=('norm.', 'head.'), feature_shape='NHWC'),
]

# What cannot be exported to ONNX, and why.
NO_ONNX = {
    'TANet, ResNet-50': 'its convolution has a group for each clip and channel, and ONNX takes a '
    'fixed number of groups',
}
