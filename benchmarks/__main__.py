"""All benchmarks in turn, each in a process of its own: `make bench`."""

import subprocess
import sys

NAMES = ("commands", "eer", "triplet", "training", "submission", "record", "screens")

for name in NAMES:
    print(f"\n# {name}", flush=True)
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)
