"""CLIP's two towers: built by open_clip, frozen or trained, with a faster forward.

Open this door to add an architecture or a source of weights, or to make a step cheaper.
"""
