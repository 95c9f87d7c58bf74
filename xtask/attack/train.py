#!/usr/bin/env python3
"""Trains a small model on labelled samples of one door, and prints how often it solves others:

  python train.py LEARNT.jsonl ASKED.jsonl [--sizes 250,500,1000] [--seconds 0.1] [--json OUT.json]

The model knows nothing of the drawings: it is shown pictures, pieces and answers. A convolutional net gives each cell of 4 px
a score for being the middle of the place; the best cell and its neighbours give the place to the pixel. For each size it
starts anew and learns for so many CPU seconds a sample, at least 15 and at most 150.
"""

import argparse
import json
import os
import time
from collections import Counter
from pathlib import Path

# One thread, so that CPU time is what one core would take.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
import numpy as np

import pictures

CELL = 4
CHANNELS = 16
FILTERS = 32
BATCH = 16
RATE = 4e-3
SPREAD = 1.0  # deviation of the wanted heat, in cells: a neighbour is nearly as good


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("learnt")
    options.add_argument("asked")
    options.add_argument("--sizes", default="250,500,1000,2000,4000")
    options.add_argument("--seconds", type=float, default=0.03)
    options.add_argument("--json")
    options = options.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]

    learnt, asked = Data(pictures.read(options.learnt, max(sizes))), Data(pictures.read(options.asked))
    families = sorted(set(asked.families))
    print(f"| samples | CPU s | mix | {' | '.join(families)} | CPU ms a solve |")
    print(f"|--:|--:|--:|{'--:|' * len(families)}--:|")
    rows = []
    for size in sizes:
        weights, seconds = train(learnt, size, min(150.0, max(15.0, options.seconds * size)))
        row = ask(weights, asked) | {"samples": size, "seconds": seconds}
        rows.append(row)
        shares = " | ".join(f"{row['solved'][family] / row['pictures'][family]:.1%}" for family in families)
        mix = sum(row["solved"].values()) / sum(row["pictures"].values())
        print(f"| {size} | {seconds:.0f} | {mix:.1%} | {shares} | {row['milliseconds']:.1f} |", flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps(rows, indent=1), encoding="utf-8")


class Data:
    """Samples as the model sees them: tones of a deviation of 1, padded to whole cells."""

    def __init__(self, samples):
        self.samples = samples
        self.families = [sample.family for sample in samples]
        self.backgrounds = np.stack([_tones(sample.background) for sample in samples])
        self.pieces = np.stack([_tones(sample.piece, sample.piece[:, :, 3] > 128) for sample in samples])
        self.half = np.array([(sample.piece.shape[1] // 2, sample.piece.shape[0] // 2) for sample in samples], np.float32)
        # Who is told the row knows it of the samples, too, so the heat is wanted at the right height either way.
        answers = [(sample.answer[0], sample.answer[1] if sample.piece_y is None else sample.piece_y) for sample in samples]
        self.middles = np.array(answers, np.float32) + self.half
        self.rows = np.array([-1 if sample.piece_y is None else sample.piece_y for sample in samples], np.float32)


def _tones(picture, shown=None):
    tones = pictures.grey(picture)
    shown = np.ones(tones.shape, bool) if shown is None else shown
    tones = np.where(shown, (tones - tones[shown].mean()) / (tones[shown].std() + 1e-6), 0.0)
    height, width = tones.shape
    return np.pad(tones, ((0, -height % CELL), (0, -width % CELL))).astype(np.float16)


def train(data, size, seconds):
    """The weights after so many CPU seconds of learning, and the seconds it took."""
    random = np.random.default_rng(size)
    weights = first_weights(random)
    moments = jax.tree.map(jnp.zeros_like, (weights, weights))
    # Compiled before the time counts.
    compiled = step.lower(weights, moments, *batch(data, random, size), 1.0, RATE).compile()
    start = time.process_time()
    number, spent = 0, 0.0
    while spent < seconds:
        number += 1
        # Falls to nothing towards the end.
        rate = RATE * min(1.0, number / 50) * 0.5 * (1 + np.cos(np.pi * spent / seconds))
        weights, moments = compiled(weights, moments, *batch(data, random, size), float(number), rate)
        if number % 10 == 0:
            jax.block_until_ready(weights)
            spent = time.process_time() - start
    return weights, time.process_time() - start


def batch(data, random, size):
    chosen = random.integers(0, size, BATCH)
    backgrounds, pieces = data.backgrounds[chosen].astype(np.float32), data.pieces[chosen].astype(np.float32)
    middles = data.middles[chosen].copy()
    # A mirrored picture is as good as another.
    for place in np.flatnonzero(random.integers(0, 2, BATCH)):
        width = data.samples[chosen[place]].background.shape[1]
        backgrounds[place, :, :width] = backgrounds[place, :, :width][:, ::-1]
        side = data.samples[chosen[place]].piece.shape[1]
        pieces[place, :, :side] = pieces[place, :, :side][:, ::-1]
        middles[place, 0] = width - 1 - middles[place, 0]
    return backgrounds, pieces, middles


def ask(weights, data):
    solved, start = Counter({family: 0 for family in data.families}), time.process_time()
    for place, sample in enumerate(data.samples):
        scores = np.asarray(heat(weights, *(part[place : place + 1].astype(np.float32) for part in (data.backgrounds, data.pieces)))[0])
        x, y = middle(scores, data.rows[place], data.half[place]) - data.half[place]
        solved[sample.family] += int(sample.is_right(x, y))
    milliseconds = 1e3 * (time.process_time() - start) / len(data.samples)
    return {"pictures": Counter(data.families), "solved": solved, "milliseconds": milliseconds}


def middle(scores, row, half):
    """The middle of the hottest cell and those around it."""
    down, across = np.mgrid[: scores.shape[0], : scores.shape[1]].astype(np.float32)
    if row >= 0:
        told = (row + half[1] + 0.5) / CELL - 0.5
        scores = np.where(np.abs(down - told) <= 1.0, scores, -np.inf)
    y, x = np.unravel_index(int(np.argmax(scores)), scores.shape)
    near = (np.abs(down - y) <= 2) & (np.abs(across - x) <= 2)
    weight = np.where(near, np.exp(scores - scores[y, x]), 0.0)
    cell = np.array([(weight * across).sum(), (weight * down).sum()]) / weight.sum()
    return (cell + 0.5) * CELL - 0.5


def first_weights(random):
    def filters(side, into, out):
        return jnp.asarray(random.normal(0, np.sqrt(2 / (side * side * into)), (side, side, into, out)), jnp.float32)

    return {
        "stem": filters(9, 1, FILTERS),
        "mix": filters(1, FILTERS, CHANNELS),
        "piece": filters(9, 1, CHANNELS),
        "piece_out": jnp.zeros((CHANNELS, 2 * CHANNELS)),
        "wider": [filters(3, CHANNELS, CHANNELS) * 0.5 for _ in DILATIONS],
        "shifts": [jnp.zeros(CHANNELS) for _ in DILATIONS],
        "heat": filters(1, CHANNELS, 1) * 0.1,
    }


DILATIONS = (1, 2, 4, 4)


def heat(weights, backgrounds, pieces):
    """The score of each cell."""
    wide = jax.nn.relu(_convolved(backgrounds[..., None], weights["stem"], stride=CELL))
    wide = _convolved(jnp.log1p(wide), weights["mix"])
    # What the piece shows scales and shifts what is looked for.
    shown = jax.nn.relu(_convolved(pieces[..., None], weights["piece"], stride=CELL)).mean(axis=(1, 2))
    scale, shift = jnp.split((shown @ weights["piece_out"])[:, None, None, :], 2, axis=-1)
    wide = wide * (1 + scale) + shift
    for filters, shifts, dilation in zip(weights["wider"], weights["shifts"], DILATIONS):
        wide = wide + jax.nn.relu(_convolved(wide, filters, dilation=dilation) + shifts)
    return _convolved(wide, weights["heat"])[..., 0]


def _convolved(pixels, filters, stride=1, dilation=1):
    return jax.lax.conv_general_dilated(
        pixels,
        filters,
        (stride, stride),
        "SAME",
        rhs_dilation=(dilation, dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def loss(weights, backgrounds, pieces, middles):
    scores = heat(weights, backgrounds, pieces)
    down, across = jnp.mgrid[: scores.shape[1], : scores.shape[2]]
    cells = (middles + 0.5) / CELL - 0.5
    distance = (across - cells[:, 0, None, None]) ** 2 + (down - cells[:, 1, None, None]) ** 2
    wanted = jax.nn.softmax((-distance / (2 * SPREAD**2)).reshape(len(scores), -1))
    return -(wanted * jax.nn.log_softmax(scores.reshape(len(scores), -1))).sum(axis=1).mean()


@jax.jit
def step(weights, moments, backgrounds, pieces, middles, number, rate):
    """One step of Adam."""
    slopes = jax.grad(loss)(weights, backgrounds, pieces, middles)
    first = jax.tree.map(lambda moment, slope: 0.9 * moment + 0.1 * slope, moments[0], slopes)
    second = jax.tree.map(lambda moment, slope: 0.99 * moment + 0.01 * slope**2, moments[1], slopes)
    fixed, fixed_square = 1 - 0.9**number, 1 - 0.99**number
    moved = jax.tree.map(
        lambda weight, one, two: weight - rate * (one / fixed) / (jnp.sqrt(two / fixed_square) + 1e-7), weights, first, second
    )
    return moved, (first, second)


if __name__ == "__main__":
    main()
