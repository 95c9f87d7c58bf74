"""Knows that dots in the spot are dark where those around it are light, or the other way round."""

import cv2
import numpy as np

from .common import RADIUS, best, detail, disc, through


def solve(background, piece, piece_y):
    picture = detail(background, low=5)
    # Dots are few pixels far from the mean, so their side outweighs the ring around them once it is cubed.
    sides = np.clip(picture / picture.std(), -4, 4) ** 3
    inside, around = through(sides, disc(0, RADIUS)), through(sides, disc(RADIUS + 3, RADIUS + 16))
    score = -np.sign(sides.mean()) * (inside - around)
    return best(cv2.GaussianBlur(score, (0, 0), 2), piece_y)
