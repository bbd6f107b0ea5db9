"""From a video's frames to faces: detect, follow each person, crop as the model's training data.

Open this door to use another face detector, or when a face is missed, lost or cropped wrongly.
"""
