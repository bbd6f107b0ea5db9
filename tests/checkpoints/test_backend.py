"""What of a run's folder the backend removes, and when."""

from __future__ import annotations

from pathlib import Path

from dferclip_mm.checkpoints.backend import CheckpointBackend


def test_only_checkpoints_in_the_folder_are_removed_and_only_when_told(tmp_path: Path) -> None:
    folder = tmp_path / 'run'
    folder.mkdir()
    for name in ('epoch_1.pth', 'epoch_2.pth', 'thesis.pth', '../epoch_3.pth'):
        (folder / name).touch()
    backend = CheckpointBackend(str(folder), r'epoch_\d+\.pth')
    # Of a run that was moved here; of none; to be kept; and, by name, not in the folder.
    assert backend.isfile('/old/epoch_1.pth')
    for path in ('/old/epoch_1.pth', folder / 'thesis.pth', folder / 'epoch_2.pth'):
        backend.remove(path)
    backend.remove('../epoch_3.pth')
    assert (folder / 'epoch_1.pth').is_file()
    assert backend.remove_outdated(keep={'epoch_2.pth'}) == []
    assert {path.name for path in folder.iterdir()} == {'epoch_2.pth', 'thesis.pth'}
    assert (tmp_path / 'epoch_3.pth').is_file()
