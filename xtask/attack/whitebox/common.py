"""What solvers that know the drawing share: the disc they look through, and where it may lie."""

import cv2
import numpy as np

# The side of the piece's silhouette, and the radius of the spot, in pixels.
PIECE, RADIUS = 47, 25


def grey(background):
    return cv2.cvtColor(background, cv2.COLOR_RGB2GRAY).astype(np.float32)


def detail(background, low=9):
    """The picture without its light and shadow, and without most of its grain."""
    picture = grey(background)
    return cv2.GaussianBlur(picture, (0, 0), 0.7) - cv2.GaussianBlur(picture, (0, 0), low)


def offsets(reach):
    """How far every pixel of a kernel lies to the right of its middle and below it, and from it."""
    down, right = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    return right, down, np.hypot(right, down)


def disc(inner, outer):
    """A kernel that takes the mean over what lies between two radii."""
    distance = offsets(int(outer) + 1)[2]
    kernel = ((distance >= inner) & (distance <= outer)).astype(np.float32)
    return kernel / kernel.sum()


def through(picture, kernel):
    """The picture looked at through the kernel around every pixel."""
    return cv2.filter2D(picture.astype(np.float32), cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT)


def gradients(picture):
    return cv2.Sobel(picture, cv2.CV_32F, 1, 0), cv2.Sobel(picture, cv2.CV_32F, 0, 1)


def best(score, piece_y):
    """Where the piece's picture belongs if the spot's middle is where `score` is highest."""
    allowed = np.full(score.shape, -np.inf, np.float32)
    half = PIECE // 2
    rows = slice(6 + half, 103 + half) if piece_y is None else slice(piece_y + half - 1, piece_y + half + 2)
    columns = slice(12 + half, 257 + half)
    allowed[rows, columns] = score[rows, columns]
    y, x = np.unravel_index(int(np.argmax(allowed)), score.shape)
    return x - half, y - half
