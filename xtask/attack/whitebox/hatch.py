"""Knows that lines in the spot run at right angles to those around it."""

from .common import RADIUS, best, detail, disc, gradients, through


def solve(background, piece, piece_y):
    right, down = gradients(detail(background))
    # Doubled angles: both sides of a line point the same way.
    even, odd = right * right - down * down, 2 * right * down
    inside, around = disc(0, RADIUS - 3), disc(RADIUS + 3, RADIUS + 16)
    score = -through(even, inside) * through(even, around) - through(odd, inside) * through(odd, around)
    return best(score, piece_y)
