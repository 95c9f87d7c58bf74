"""Knows that strokes in the spot run around its middle, all at much the same slant to the circle."""

import numpy as np

from .common import RADIUS, best, detail, gradients, offsets, through


def solve(background, piece, piece_y):
    right, down = gradients(detail(background))
    strength = np.hypot(right, down) + 1e-3
    # Doubled angles as complex numbers, turned back by the angle under which the middle sees the place: strokes that go
    # round add up to one number, whatever their slant; strokes that lie anyhow cancel out.
    even, odd = (right * right - down * down) / strength, 2 * right * down / strength
    to_right, to_down, distance = offsets(RADIUS + 2)
    angle = np.arctan2(to_down, to_right)
    seen = ((distance > 3) & (distance < RADIUS + 1)).astype(np.float32)
    cosine, sine = seen * np.cos(2 * angle), seen * np.sin(2 * angle)
    along = through(even, cosine) + through(odd, sine)
    across = through(odd, cosine) - through(even, sine)
    return best(np.hypot(along, across), piece_y)
