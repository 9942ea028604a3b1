"""Whole commands, against Python starting up and against importing what they stand on; lists on 10,000 runs.

python -m benchmarks.commands [--runs 15]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import many_runs

ON_RECORD = 10_000
GOAL = 0.2
ALONE = {
    "python -c pass": ["-c", "pass"],
    "import typer": ["-c", "import typer"],
    "import sqlalchemy, rich": ["-c", "import typer, sqlalchemy, rich.table"],
    "kryptui --help": ["-m", "kryptui", "--help"],
    "kryptui presets list": ["-m", "kryptui", "presets", "list"],
}
LISTS = ("--limit 30", "--limit 30 --sort eer status:running", "", "--json")


def seconds(command: list[str]) -> float:
    """Wall-clock time of one run of a command."""
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def main() -> None:
    """Prints the median and the minimum of each command, run in turn, the first time uncounted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "runs.db"
        many_runs.write(record, ON_RECORD)
        lists = {
            f"runs list {given}".strip(): ["-m", "kryptui", "runs", "list", *given.split(), "--db", str(record)]
            for given in LISTS
        }
        commands = {name: [sys.executable, *rest] for name, rest in {**ALONE, **lists}.items()}
        times: dict[str, list[float]] = {name: [] for name in commands}
        for round_ in range(runs + 1):
            for name, command in commands.items():
                taken = seconds(command)
                if round_:
                    times[name].append(taken)
    for name, values in times.items():
        goal = f" (goal {GOAL:g} s)" if name == "kryptui --help" else ""
        print(f"{name:<48} median {statistics.median(values):.3f} s, least {min(values):.3f} s{goal}")


if __name__ == "__main__":
    main()
