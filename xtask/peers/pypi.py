"""Draws with the Python package captcha, as `src/main.rs` does with crates: `N` on standard input draws N."""

import json
import random
import string
import sys
import time

from captcha.image import ImageCaptcha

image = ImageCaptcha()
for line in sys.stdin:
    milliseconds, sizes = [], []
    for _ in range(int(line.split()[-1])):
        start = time.process_time_ns()
        text = "".join(random.choices(string.ascii_uppercase + string.digits, k=4))
        drawn = image.generate(text).getvalue()
        milliseconds.append((time.process_time_ns() - start) / 1e6)
        sizes.append(len(drawn))
    print(json.dumps({"milliseconds": milliseconds, "bytes": sizes}), flush=True)
