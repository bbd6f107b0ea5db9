"""Pixels are normalised as by MMAction2, features are left as they are."""

import torch
from mmaction.registry import MODELS

SETTINGS = dict(mean=[10, 20, 30], std=[1, 2, 4], format_shape='NCHW')


def test_features_stay_as_they_are_for_any_number_of_clips():
    """Three clips are the trap: MMAction2's mean of three channels would fit them."""
    ours = MODELS.build(dict(type='FrameOrFeaturePreprocessor', **SETTINGS))
    for clips in (1, 3, 5):
        features = [torch.randn(4, 6) for _ in range(clips)]
        found = ours({'inputs': list(features), 'data_samples': [0] * clips})
        assert torch.equal(found['inputs'], torch.stack(features))
    half = ours({'inputs': [torch.ones(4, 6).half()], 'data_samples': [0]})
    assert half['inputs'].dtype == torch.float32


def test_a_recognizer_takes_either(tiny_model):
    tiny_model['data_preprocessor'].update(type='FrameOrFeaturePreprocessor')
    model = MODELS.build(tiny_model).eval()
    frames = [torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8) for _ in range(3)]
    with torch.no_grad():
        pixels = model.data_preprocessor({'inputs': frames, 'data_samples': [0] * 3})['inputs']
        features, _ = model.extract_feat(pixels, stage='backbone')
        for stage in ('backbone', 'neck', 'head'):
            expected, info = model.extract_feat(pixels, stage=stage)
            found, same = model.extract_feat(features.unflatten(0, (3, 8)), stage=stage)
            torch.testing.assert_close(found, expected)
            if stage != 'backbone':
                assert {key: info[key] for key in same} == same
