import sys

import numpy as np
import pytest
import torch

from dferclip_mm.converters import read_published


def test_published_file_is_read(dferclip_file, dferclip_state):
    assert not hasattr(sys.modules['__main__'], 'RecorderMeter')
    content = read_published(dferclip_file)
    assert content['epoch'] == 50
    assert content['recorder'].epoch_losses.shape == (50, 2)
    assert len(content['state_dict']) == len(dferclip_state)


@pytest.mark.parametrize('name', ['numpy.core.multiarray', 'numpy._core.multiarray'])
def test_arrays_of_both_numpys_are_read(tmp_path, monkeypatch, name):
    path = tmp_path / 'arrays.pth'
    with monkeypatch.context() as patch:
        reconstruct = np.ndarray(0).__reduce__()[0]
        patch.setattr(reconstruct, '__module__', name, raising=False)
        torch.save({'recorder': np.arange(3, dtype=np.float32)}, path)
    assert name.encode() in path.read_bytes()
    # Whatever is allowed already where the program runs.
    allowed = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    try:
        assert read_published(path)['recorder'].tolist() == [0, 1, 2]
        assert torch.serialization.get_safe_globals() == []
    finally:
        torch.serialization.add_safe_globals(allowed)


def test_the_allowed_stub_runs_nothing(tmp_path):
    """The one class that is allowed under a foreign name cannot be called with side effects."""
    path = tmp_path / 'evil.pth'
    path.write_bytes(b'\x80\x02c__main__\nRecorderMeter\nX\x02\x00\x00\x00ls\x85R.')
    with pytest.raises(ValueError, match='cannot be read'):
        read_published(path)
