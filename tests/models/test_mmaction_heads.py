"""CLIP's frames with MMAction2's heads: config lines only."""

import pytest
import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample

HEADS = {
    'TSNHead': {},
    'TSMHead': dict(num_segments=4),
    'I3DHead': {},
    'TRNHead': dict(num_segments=4),
}


def samples():
    return [ActionDataSample().set_gt_label(number) for number in range(2)]


def head_of(name):
    return dict(
        type=name,
        num_classes=7,
        in_channels=32,
        spatial_type=None,
        average_clips='prob',
        **HEADS[name],
    )


@pytest.mark.parametrize('name', ['TSNHead', 'TSMHead', 'TRNHead'])
def test_frames_to_a_head_in_mmaction2_recognizer(tiny_clip, name):
    model = MODELS.build(
        dict(
            type='Recognizer2D',
            backbone=dict(type='CLIPVisualEncoder', arch=tiny_clip),
            cls_head=head_of(name),
        )
    )
    clips = torch.rand(2, 4, 3, 32, 32)
    model(clips, samples(), mode='loss')['loss_cls'].backward()
    assert all(p.grad is not None for p in model.parameters())
    scores = torch.stack([s.pred_score for s in model.eval()(clips, samples(), mode='predict')])
    torch.testing.assert_close(scores.sum(1), torch.ones(2))


@pytest.mark.parametrize('pool', ['cls', 'mean', 'max'])
@pytest.mark.parametrize('name', ['I3DHead', 'TSNHead'])
def test_temporal_transformer_and_a_linear_head(tiny_model, name, pool):
    tiny_model['neck']['pool'] = pool
    model = MODELS.build(dict(tiny_model, cls_head=head_of(name)))
    # Two views of four frames each.
    clips = torch.rand(2, 8, 3, 32, 32)
    model(clips[:, :4], samples(), mode='loss')['loss_cls'].backward()
    used = [p for n, p in model.named_parameters() if not (pool != 'cls' and n == 'neck.cls_token')]
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in used)
    model.eval()
    together = torch.stack([s.pred_score for s in model(clips, samples(), mode='predict')])
    apart = [
        torch.stack([s.pred_score for s in model(view, samples(), mode='predict')])
        for view in (clips[:, :4], clips[:, 4:])
    ]
    torch.testing.assert_close(together, (apart[0] + apart[1]) / 2)
