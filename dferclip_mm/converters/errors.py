"""The error of the converters."""

from __future__ import annotations


class ConversionError(ValueError):
    """A checkpoint is not what was expected; the message says what was expected and found."""
