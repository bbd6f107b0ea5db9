"""Pictures inside a page: contact sheets of clips, and figures, as data URIs."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def contact_sheet(frames: Sequence[np.ndarray], columns: int = 8, height: int = 66) -> str:
    """Frames of a clip (T RGB arrays) side by side in rows, as a JPEG."""
    first, columns = frames[0], min(columns, len(frames))
    # Films are wider than face crops, but not without end.
    width = round(height * min(2.0, max(0.5, first.shape[1] / first.shape[0])))
    cells = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in frames]
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % columns)
    rows = [np.hstack(cells[start : start + columns]) for start in range(0, len(cells), columns)]
    picture = np.vstack(rows)[..., ::-1]
    return _uri('jpeg', cv2.imencode('.jpg', picture, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes())


def picture_of(figure: Figure) -> str:
    """A figure as a PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png', dpi=120)
    return _uri('png', buffer.getvalue())


def pixels_of(figure: Figure) -> np.ndarray:
    """A figure as an RGB array (H, W, 3)."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3]


def _uri(kind: str, content: bytes) -> str:
    return f'data:image/{kind};base64,{base64.b64encode(content).decode()}'
