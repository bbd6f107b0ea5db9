"""Why a model answers as it does: frames, places of the face, and words.

`model` is a recognizer in evaluation mode, and `label` the number of a class.
"""

from .clip import read_clip
from .figures import face_figure, texts_figure, time_figure

__all__ = ['face_figure', 'read_clip', 'texts_figure', 'time_figure']
