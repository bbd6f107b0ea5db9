"""What is computed once and read many times: packed clips, and features of frames and clips.

Open this door when loading data takes longer than training on it.
"""

from .cached_features import OpenFrameFeatures, PickFrameFeatures

__all__ = ['OpenFrameFeatures', 'PickFrameFeatures']
