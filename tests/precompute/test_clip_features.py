from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample

from dferclip_mm.precompute.clip_features import clip_features, write_features


def test_views_are_averaged_and_samples_read(tiny_model):
    model = MODELS.build(tiny_model).eval()
    frames = torch.randint(0, 256, (2, 8, 3, 32, 32), dtype=torch.uint8)
    samples = [ActionDataSample(metainfo=dict(filename=f'clip {n}')) for n in range(2)]
    for number, sample in enumerate(samples):
        sample.set_gt_label(number + 3)
        sample.set_field([0.5 * number], 'scores')
    found = clip_features(model, {'inputs': list(frames), 'data_samples': samples})
    with torch.no_grad():
        flat = model(frames.float() / 255, stage='neck')
        expected = flat.unflatten(0, (2, 2)).mean(1)
        logits = model.cls_head(flat).unflatten(0, (2, 2)).mean(1)
    np.testing.assert_allclose(found['features'], expected, atol=1e-5)
    np.testing.assert_allclose(found['logits'], logits, atol=1e-3)
    assert found['clips'].tolist() == ['clip 0', 'clip 1']
    assert found['labels'].tolist() == [3, 4]
    assert found['scores'].tolist() == [[0.0], [0.5]]


@pytest.mark.parametrize(
    ('recognizer', 'backbone', 'inputs', 'width'),
    [
        ('Recognizer2D', dict(type='ResNet', depth=18, pretrained=None), (4, 3, 32, 32), 512),
        ('Recognizer3D', dict(type='X3D'), (1, 3, 4, 64, 64), 192),
    ],
)
def test_mmaction2_recognizers_give_one_vector_per_clip(
    tiny_clip, recognizer, backbone, inputs, width
):
    """They return a row for each frame, or maps."""
    head = dict(
        type='TextPromptHead',
        classes='dfew',
        in_channels=width,
        text_encoder=dict(type='CLIPTextEncoder', arch=tiny_clip),
    )
    model = MODELS.build(dict(type=recognizer, backbone=backbone, cls_head=head)).eval()
    batch = dict(
        inputs=[torch.rand(inputs) for _ in range(2)],
        data_samples=[ActionDataSample() for _ in range(2)],
    )
    found = clip_features(model, batch)
    assert found['features'].shape == (2, width)
    assert found['logits'].shape == (2, 7)


def test_a_file_of_features_ends_in_npz():
    with pytest.raises(ValueError, match=r'a\.csv: expected a name that ends in \.npz'):
        write_features(Path('a.csv'), [])
