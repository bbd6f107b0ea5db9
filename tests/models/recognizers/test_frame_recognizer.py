import copy

import pytest
import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample


def samples(count):
    return [ActionDataSample().set_gt_label(number) for number in range(count)]


def test_views_of_a_clip_are_scored_separately(tiny_model):
    model = MODELS.build(tiny_model).eval()
    clips = torch.rand(2, 12, 3, 32, 32)
    together = model(clips, stage='head')
    apart = [model(clips[:, 4 * v : 4 * v + 4], stage='head') for v in range(3)]
    torch.testing.assert_close(together.reshape(2, 3, 7), torch.stack(apart, 1))
    predicted = model(clips, samples(2), mode='predict')
    expected = torch.stack(apart, 1).softmax(-1).mean(1)
    torch.testing.assert_close(torch.stack([s.pred_score for s in predicted]), expected)


def test_without_neck_frames_are_averaged(tiny_model):
    cfg = copy.deepcopy(tiny_model)
    del cfg['neck']
    model = MODELS.build(cfg).eval()
    clips = torch.rand(2, 4, 3, 32, 32)
    features = model.backbone(clips.flatten(0, 1)).reshape(2, 4, 32).mean(1)
    torch.testing.assert_close(model(clips, stage='neck'), features)


def test_frames_that_are_no_views_are_explained(tiny_model):
    model = MODELS.build(tiny_model)
    with pytest.raises(ValueError, match='gives 6 frames per clip, which are no views of 4'):
        model(torch.rand(1, 6, 3, 32, 32))


def test_video_backbone_is_explained(tiny_model):
    model = MODELS.build(tiny_model)
    model.backbone.forward = lambda x: x.unsqueeze(2)
    with pytest.raises(ValueError, match='video backbones go into Recognizer3D'):
        model(torch.rand(1, 4, 3, 32, 32), stage='neck')


def test_one_name_is_the_architecture_of_both_towers(tiny_model, tiny_clip):
    head = tiny_model['cls_head']
    del tiny_model['backbone']['arch'], head['text_encoder']['arch']
    for key in ('in_channels', 'embed_dims'):
        del tiny_model['neck'][key]
    tiny_model['backbone']['type'] = 'mmaction.CLIPVisualEncoder'
    # MMEngine leaves its word where there was nothing to replace.
    arch = dict(tiny_clip, embed_dim=48, _delete_=True)
    model = MODELS.build(dict(tiny_model, arch=arch))
    assert model.neck.in_channels == model.cls_head.text_encoder.embed_dims == 48
    # A tower's own goes first, and other backbones are left alone.
    head['text_encoder']['arch'] = dict(tiny_clip, embed_dim=24)
    resnet = dict(type='ResNet', depth=18, norm_cfg=dict(type='BN'), norm_eval=False)
    tiny_model.update(backbone=resnet, neck=dict(type='TemporalTransformer', in_channels=512))
    model = MODELS.build(dict(tiny_model, arch=tiny_clip))
    assert model.cls_head.text_encoder.embed_dims == 24


@pytest.mark.parametrize('key', ['max_testing_views', 'fcn_test'])
def test_unsupported_test_options_are_refused(tiny_model, key):
    with pytest.raises(ValueError, match=f'test_cfg.{key}'):
        MODELS.build(dict(tiny_model, test_cfg={key: 2}))


@pytest.mark.parametrize(
    ('head', 'width'),
    [({}, 32), (dict(in_channels=40), 40), (dict(type='PrecomputedTextHead', embed_dims=24), 24)],
)
def test_the_necks_widths_are_those_of_the_towers(tiny_model, tiny_clip, head, width):
    tiny_model['backbone']['arch'] = dict(tiny_clip, embed_dim=48)
    if 'type' in head:
        tiny_model['cls_head'] = dict(classes='dfew')
    tiny_model['cls_head'].update(head)
    for key in ('in_channels', 'embed_dims'):
        del tiny_model['neck'][key]
    model = MODELS.build(tiny_model)
    assert model.neck.in_channels == 48
    assert model(torch.rand(1, 4, 3, 32, 32), stage='neck').shape == (1, width)
    assert model(torch.rand(1, 4, 3, 32, 32), stage='head').shape == (1, 7)
