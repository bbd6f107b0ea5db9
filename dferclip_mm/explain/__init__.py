"""Why a model answers as it does: frames, places of the face, and words.

Everywhere `model` is a recognizer in evaluation mode, and `label` the number of a class.
"""

from .clip import find_class, read_clip
from .explain import explain_clip, explain_texts, face_frames
from .figures import face_figure, png, time_figure

__all__ = [
    'explain_clip',
    'explain_texts',
    'face_figure',
    'face_frames',
    'find_class',
    'png',
    'read_clip',
    'time_figure',
]
