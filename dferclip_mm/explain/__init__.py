"""Why a model in evaluation mode answers a class's number: frames, places of the face, words."""

from .clip import read_clip
from .figures import face_figure, texts_figure, time_figure

__all__ = ['face_figure', 'read_clip', 'texts_figure', 'time_figure']
