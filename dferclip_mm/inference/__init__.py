"""A trained model on somebody's video: one class, `EmotionAnalyzer`; one result, `EmotionTimeline`.

Open this door to analyse a video, or to write its timeline in another format.
"""

from .analyzer import EmotionAnalyzer
from .timeline import EmotionTimeline

__all__ = ['EmotionAnalyzer', 'EmotionTimeline']
