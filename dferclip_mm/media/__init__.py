"""From bytes on the disk to RGB frames: image folders, videos and packed clips.

Open this door when a file cannot be read, or to support another format.
"""
