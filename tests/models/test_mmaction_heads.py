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
IN_2D, BEHIND_THE_NECK = 'Recognizer2D', 'FrameRecognizer'


@pytest.mark.parametrize(
    ('recognizer', 'name', 'pool'),
    [
        *((IN_2D, name, 'cls') for name in ('TSNHead', 'TSMHead', 'TRNHead')),
        *((BEHIND_THE_NECK, 'I3DHead', pool) for pool in ('cls', 'mean', 'max')),
        (BEHIND_THE_NECK, 'TSNHead', 'cls'),
    ],
)
def test_clips_frames_train_and_score_with_a_head_of_mmaction2(tiny_model, recognizer, name, pool):
    head = dict(type=name, num_classes=7, in_channels=32, spatial_type=None, average_clips='prob')
    tiny_model.update(cls_head=head | HEADS[name])
    tiny_model['neck']['pool'] = pool
    if recognizer == IN_2D:
        tiny_model = dict(
            type=IN_2D, backbone=tiny_model['backbone'], cls_head=tiny_model['cls_head']
        )
    model = MODELS.build(tiny_model)
    samples = [ActionDataSample().set_gt_label(number) for number in range(2)]

    def scores(clips):
        return torch.stack([sample.pred_score for sample in model(clips, samples, mode='predict')])

    clips = torch.rand(2, 8, 3, 32, 32)
    views = [view.contiguous() for view in clips.split(4, dim=1)]
    model(views[0], samples, mode='loss')['loss_cls'].backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())
    model.eval()
    apart = [scores(view) for view in views]
    torch.testing.assert_close(apart[0].sum(1), torch.ones(2))
    if recognizer == BEHIND_THE_NECK:
        torch.testing.assert_close(scores(clips), (apart[0] + apart[1]) / 2)
