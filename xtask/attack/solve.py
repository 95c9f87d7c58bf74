#!/usr/bin/env python3
"""Lets our own solvers loose on labelled samples of one door and level:

  python solve.py SAMPLES.jsonl OUT.json

The white-box solvers, one a family, that know its drawing (`whitebox/`); whoever tells the family first and uses its solver;
whoever takes what any of them finds, at random; and the blind guesses. What they solved is written for each family of drawings.
"""

import importlib
import json
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import cv2
import numpy as np

import pictures
from tell import told_families

WHITEBOX = Path(__file__).with_name("whitebox")


def main():
    samples_path, out_path = sys.argv[1:]
    # One thread, so that CPU time is what one core would take.
    cv2.setNumThreads(1)
    samples = pictures.read(samples_path)
    names = sorted(path.stem for path in WHITEBOX.glob("*.py"))
    modules = {name: importlib.import_module(f"whitebox.{name}") for name in names}
    # What solvers share stands beside them.
    modules = {name: module for name, module in modules.items() if hasattr(module, "solve")}
    missing = {sample.family for sample in samples} - set(modules)
    if missing:
        sys.exit(f"no white-box solver knows {', '.join(sorted(missing))}: each family has one in {WHITEBOX.name}/")

    runs = {name: run(samples, partial(passes, module)) for name, module in modules.items()}
    rows = [row(f"white-box {name}", "drawing", samples, *outcome, written_for=name) for name, outcome in runs.items()]
    told, telling = timed(lambda: told_families([sample.background for sample in samples], [s.family for s in samples]))
    known = [(runs[family][0][place], runs[family][1][place] + telling / len(samples)) for place, family in enumerate(told)]
    rows.append(row("knows all families", "drawing", samples, *zip(*known)))
    # Whoever tries them all has a place from each, and cannot tell which is right: the mean over all picks.
    together = [[sum(ones) for ones in zip(*(outcome[part] for outcome in runs.values()))] for part in (0, 1)]
    chances = [passed / len(runs) for passed in together[0]]
    rows.append(row("one of all found, at random", "drawing", samples, chances, together[1]))
    rows.append(row("blind, anywhere", "nothing", samples, *run(samples, anywhere(samples))))
    rows.append(row("blind, the commonest place", "nothing", samples, *run(samples, commonest(samples))))

    report = {"pictures": Counter(sample.family for sample in samples), "solvers": rows}
    Path(out_path).write_text(json.dumps(report, indent=1), encoding="utf-8")


def timed(work):
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def run(samples, solve):
    """How likely each sample is passed, and the CPU seconds that each took."""
    pairs = [timed(partial(solve, sample)) for sample in samples]
    return [float(outcome) for outcome, _ in pairs], [seconds for _, seconds in pairs]


def row(solver, knows, samples, outcomes, seconds, written_for=None):
    solved = Counter()
    for sample, outcome in zip(samples, outcomes):
        solved[sample.family] += outcome
    milliseconds = 1e3 * sum(seconds) / len(samples)
    return {"solver": solver, "knows": knows, "written_for": written_for, "milliseconds": milliseconds, "solved": solved}


def passes(module, sample):
    return sample.is_right(*module.solve(sample.background, sample.piece, sample.piece_y))


def anywhere(samples):
    """A guess anywhere between the outermost answers: the mean over all guesses, so that chance plays no part in it."""
    axes = []
    for axis in (0, 1):
        answers = [sample.answer[axis] for sample in samples]
        axes.append(None if None in answers else np.arange(min(answers), max(answers) + 1))

    def guess(sample):
        chance = 1.0
        for guesses, answer in zip(axes, sample.answer):
            if guesses is not None:
                chance *= np.mean(np.abs(guesses - answer) <= sample.tolerance)
        return chance

    return guess


def commonest(samples):
    """The same guess each time: that which would have passed most of the other half of the samples."""
    halves = [samples[0::2], samples[1::2]]
    guesses = [_commonest(half) for half in reversed(halves)]
    guess_of = {id(sample): guess for half, guess in zip(halves, guesses) for sample in half}
    return lambda sample: sample.is_right(*guess_of[id(sample)])


def _commonest(samples):
    height, width = samples[0].background.shape[:2]
    passed = np.zeros((height, width))
    for sample in samples:
        (x, y), tolerance = sample.answer, sample.tolerance
        rows = slice(None) if y is None else slice(max(0, y - tolerance), y + tolerance + 1)
        passed[rows, max(0, x - tolerance) : x + tolerance + 1] += 1
    y, x = np.unravel_index(int(np.argmax(passed)), passed.shape)
    return int(x), int(y)


if __name__ == "__main__":
    main()
