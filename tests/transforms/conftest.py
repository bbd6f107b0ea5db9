import pytest


@pytest.fixture
def said(monkeypatch):
    """The warnings of clips."""
    messages = []
    monkeypatch.setattr(
        'dferclip_mm.media.errors.print_log',
        lambda message, **_: messages.append(message),
    )
    return messages
