"""Labelled samples as arrays."""

import base64
import io
import json
from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass
class Sample:
    """One challenge as its client gets it, with what only we know."""

    background: np.ndarray  # RGB
    piece: np.ndarray  # RGBA, the square around its silhouette
    piece_y: int | None  # top of the square, where the client can see it
    family: str
    answer: tuple[int, int | None]  # left edge and top of the square; no top where none is asked
    tolerance: int

    def is_right(self, x, y):
        """As the server judges."""
        right, down = self.answer
        return abs(x - right) <= self.tolerance and (down is None or abs(y - down) <= self.tolerance)


def read(path, limit=None):
    """The samples of a file that `countersign sample` wrote."""
    with open(path, encoding="utf-8") as lines:
        return [_sample(json.loads(line)) for number, line in enumerate(lines) if limit is None or number < limit]


def _sample(fields):
    background = np.asarray(_picture(fields["background_b64"]).convert("RGB"))
    piece = np.asarray(_picture(fields["piece_b64"]).convert("RGBA"))
    piece_y = None
    # A strip as high as the picture shows the row; a piece that is a picture of its own does not.
    if piece.shape[0] == background.shape[0]:
        filled, side = np.flatnonzero(piece[:, :, 3].any(axis=1)), piece.shape[1]
        piece_y = int(np.clip((filled[0] + filled[-1] - side + 1) // 2, 0, piece.shape[0] - side))
        piece = piece[piece_y : piece_y + side]
    return Sample(
        background=background,
        piece=piece,
        piece_y=piece_y,
        family=fields["family"],
        answer=(fields["answer_x"], fields.get("answer_y")),
        tolerance=fields["tol"],
    )


def _picture(text):
    return Image.open(io.BytesIO(base64.b64decode(text)))


def grey(picture):
    return picture[:, :, :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
