"""Who beats whom: solvers that know one family each, against labelled samples of all of them.

  python -m whitebox.table SAMPLES.jsonl …      (from xtask/attack)

SAMPLES are what `countersign sample --type slider` writes. Prints one table for each file: a line a solver, a column a family,
and each the share of samples solved within their tolerance on every axis that is asked, with its 95 % interval.
"""

import base64
import importlib
import io
import json
import sys

import numpy as np
from PIL import Image

FAMILIES = ["dots", "hatch", "whirl"]


def picture(text, mode):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert(mode))


def interval(solved, n, z=1.96):
    """Wilson's interval."""
    share = solved / n
    middle, spread = share + z * z / (2 * n), z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (middle - spread) / (1 + z * z / n), (middle + spread) / (1 + z * z / n)


def rates(path):
    solvers = {family: importlib.import_module(f"whitebox.{family}").solve for family in FAMILIES}
    counts = {(solver, family): [0, 0] for solver in FAMILIES for family in FAMILIES}
    for line in open(path, encoding="utf8"):
        sample = json.loads(line)
        background, piece = picture(sample["background_b64"], "RGB"), picture(sample["piece_b64"], "RGBA")
        # A strip as high as the picture shows the row in which the piece stands.
        strip = piece.shape[0] == background.shape[0]
        solid = np.flatnonzero((piece[:, :, 3] > 128).any(axis=1))
        piece_y = int(solid[0] + solid[-1] - 46) // 2 if strip else None
        for solver, solve in solvers.items():
            x, y = solve(background, piece, piece_y)
            near = abs(x - sample["answer_x"]) <= sample["tol"]
            near &= "answer_y" not in sample or abs(y - sample["answer_y"]) <= sample["tol"]
            count = counts[solver, sample["family"]]
            count[0] += near
            count[1] += 1
    return counts


def main():
    for path in sys.argv[1:]:
        counts = rates(path)
        print(f"{path}\n  {'solver':8}" + "".join(f"{family:>24}" for family in FAMILIES))
        for solver in FAMILIES:
            cells = []
            for family in FAMILIES:
                solved, n = counts[solver, family]
                low, high = interval(solved, n) if n else (0, 1)
                cells.append(f"{solved / max(n, 1):6.1%} ({low:.1%}-{high:.1%}) n={n}".rjust(24))
            print(f"  {solver:8}" + "".join(cells))


if __name__ == "__main__":
    main()
