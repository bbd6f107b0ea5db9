"""Checkpoint files: verify them, read them without running code, compare them with a model.

Open this door when a checkpoint does not load, does not fit, or when a run cannot find the one to
resume.
"""
