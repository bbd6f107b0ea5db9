"""CLIP's two towers: built from open_clip's architectures and weights, with a fast forward.

Open this door to add a tower, a source of weights, or to make a step cheaper.
"""
