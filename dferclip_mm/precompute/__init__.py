"""Results that are computed once and read many times: packed clips, features of frames and clips.

Open this door when loading data takes longer than training on it.
"""

from .frame_features import FrameFeaturesDecode, FrameFeaturesInit, check_frame_features

__all__ = ['FrameFeaturesDecode', 'FrameFeaturesInit', 'check_frame_features']
