"""How an evaluation's results are written: whole, or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_results(path: str | Path, content: dict[str, Any]) -> None:
    """Write a JSON file, in folders that may not be there yet.

    Readers, and a program that is started again, see the old file or all of the new one.

    Args:
        path: the file.
        content: plain values.
    """
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f'{file.name}.part')
    try:
        with part.open('w', encoding='utf-8') as stream:
            stream.write(json.dumps(content, indent=1) + '\n')
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
