import copy

import pytest
import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample


def samples(count):
    return [ActionDataSample().set_gt_label(number) for number in range(count)]


def test_trains_what_the_paper_trains(tiny_model):
    model = MODELS.build(tiny_model)
    batch = dict(
        inputs=[torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8) for _ in range(2)],
        data_samples=samples(2),
    )
    data = model.data_preprocessor(batch, training=True)
    losses = model(**data, mode='loss')
    losses['loss_cls'].backward()
    parameters = dict(model.named_parameters())
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in parameters.values())
    prefixes = {'.'.join(name.split('.')[:2]) for name in parameters}
    assert prefixes == {
        'backbone.visual',
        'neck.cls_token',
        'neck.pos_embed',
        'neck.blocks',
        'cls_head.prompt_learner',
    }


def test_pixels_are_divided_by_255_and_nothing_else(tiny_model):
    model = MODELS.build(tiny_model)
    clip = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    data = model.data_preprocessor(dict(inputs=[clip], data_samples=samples(1)))
    torch.testing.assert_close(data['inputs'][0], clip / 255)


def test_views_of_a_clip_are_scored_separately(tiny_model):
    model = MODELS.build(tiny_model).eval()
    clips = torch.rand(2, 12, 3, 32, 32)
    together = model(clips, stage='head')
    apart = [model(clips[:, 4 * v : 4 * v + 4], stage='head') for v in range(3)]
    torch.testing.assert_close(together.reshape(2, 3, 7), torch.stack(apart, 1))
    predicted = model(clips, samples(2), mode='predict')
    expected = torch.stack(apart, 1).softmax(-1).mean(1)
    torch.testing.assert_close(torch.stack([s.pred_score for s in predicted]), expected)


@pytest.mark.parametrize(
    'backbone',
    [
        dict(type='ResNet', depth=18, pretrained=None),
        dict(type='ResNet', depth=18, out_indices=(2, 3), pretrained=None),
        dict(type='torchvision.resnet18'),
        dict(type='timm.resnet18'),
    ],
    ids=lambda cfg: cfg['type'],
)
def test_any_image_backbone_gives_frame_features(tiny_model, backbone):
    cfg = copy.deepcopy(tiny_model)
    cfg['backbone'] = backbone
    cfg['neck']['in_channels'] = 512
    model = MODELS.build(cfg)
    losses = model(torch.rand(2, 4, 3, 32, 32), samples(2), mode='loss')
    assert losses['loss_cls'].isfinite()


def test_without_neck_frames_are_averaged(tiny_model):
    cfg = copy.deepcopy(tiny_model)
    del cfg['neck']
    model = MODELS.build(cfg).eval()
    clips = torch.rand(2, 4, 3, 32, 32)
    features = model.backbone(clips.flatten(0, 1)).reshape(2, 4, 32).mean(1)
    torch.testing.assert_close(model(clips, stage='neck'), features)


def test_neck_and_head_in_mmaction2_3d_recognizer(tiny_model):
    cfg = dict(
        type='Recognizer3D',
        backbone=dict(type='X3D'),
        neck=dict(type='TemporalTransformer', in_channels=192, embed_dims=32, num_heads=2),
        cls_head=tiny_model['cls_head'],
    )
    model = MODELS.build(cfg)
    clips = torch.rand(2, 1, 3, 4, 64, 64)
    assert model(clips, samples(2), mode='loss')['loss_cls'].isfinite()
    assert model(clips, samples(2), mode='predict')[0].pred_score.shape == (7,)


def test_head_alone_in_mmaction2_2d_recognizer(tiny_model):
    cfg = dict(
        type='Recognizer2D',
        backbone=dict(type='ResNet', depth=18, pretrained=None),
        cls_head=dict(tiny_model['cls_head'], in_channels=512),
    )
    model = MODELS.build(cfg)
    clips = torch.rand(2, 3, 3, 32, 32)
    assert model(clips, samples(2), mode='loss')['loss_cls'].isfinite()
    assert model(clips, samples(2), mode='predict')[0].pred_score.shape == (7,)


def test_frames_that_are_no_views_are_explained(tiny_model):
    model = MODELS.build(tiny_model)
    with pytest.raises(ValueError, match='gives 6 frames per clip, which are no views of 4'):
        model(torch.rand(1, 6, 3, 32, 32))


def test_video_backbone_is_explained(tiny_model):
    model = MODELS.build(tiny_model)
    model.backbone.forward = lambda x: x.unsqueeze(2)
    with pytest.raises(ValueError, match='video backbones go into Recognizer3D'):
        model(torch.rand(1, 4, 3, 32, 32), stage='neck')


@pytest.mark.parametrize('key', ['max_testing_views', 'fcn_test'])
def test_unsupported_test_options_are_refused(tiny_model, key):
    with pytest.raises(ValueError, match=f'test_cfg.{key}'):
        MODELS.build(dict(tiny_model, test_cfg={key: 2}))
