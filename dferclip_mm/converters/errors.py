"""The one error of the converters."""

from __future__ import annotations


class ConversionError(ValueError):
    """A checkpoint is not what it should be; the message says what was expected and found."""
