"""Calls a running `serve --dev` by its own description: python run.py DATA_DIR [more options of `schemathesis run`].

DATA_DIR holds the dev.json of the server; what schemathesis leaves behind goes to the current folder.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
# Of each operation and phase: about 600 calls in all, a quarter of a minute.
EXAMPLES = "50"


def main():
    data, *options = sys.argv[1:]
    dev = json.loads(Path(data, "dev.json").read_text())
    access_key = f"{dev['access_key_id']}:{dev['access_key_secret']}"
    environment = {
        **os.environ,
        "COUNTERSIGN_ACCESS_KEY": access_key,
        "COUNTERSIGN_ENDPOINT": dev["endpoint"],
        "COUNTERSIGN_SITE_KEY": dev["site_key"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(HERE),
        "SCHEMATHESIS_HOOKS": "hooks",
    }
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        *["--config-file", str(HERE / "schemathesis.toml")],
        *["run", dev["endpoint"] + "/openapi.json"],
        *["--auth", access_key],
        *["--max-examples", EXAMPLES, "--no-color", *options],
    ]
    sys.exit(subprocess.run(command, env=environment).returncode)


main()
