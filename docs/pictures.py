"""Draws the pictures of the README from a workspace: python docs/pictures.py WORKSPACE, with chromium on the path.

The workspace is one that `kryptui demo` made, with a few more runs; only drawn faces may be seen in a picture.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from kryptui.jobs.launcher import Launcher
from kryptui.jobs.workspace import Workspace
from kryptui.tui.app import KryptuiApp
from kryptui.tui.pages import PAGES, Goal

SIZE = (160, 45)
KEYS = {
    "runs": ["space", "space", "space", "up"],
    "data": [],
    "configure": ["down"] * 4 + ["enter"],
    "live": [],
    "compare": [],
    "submit": [],
    "verify": ["p", *"data/verify", "enter"],
}
PEOPLE, PHOTOS = 10, 3
"""In the folder that Verify compares."""
SECONDS = 12.0


async def draw(root: Path, out: Path) -> None:
    """One picture a page, as it is after some keys and a while."""
    with Launcher(Workspace(root, "runs.db")) as launcher:
        app = KryptuiApp(Workspace(root, "runs.db"), launcher, Goal("runs"))
        launcher.listen(app.hear)
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause(2)
            for spec in PAGES:
                if spec.name == "data":
                    app.data_source = Path("data/faces/train")
                app.action_go(spec.name)
                await pilot.pause(2)
                await pilot.press(*KEYS[spec.name])
                await pilot.pause(3 if spec.name in ("runs", "live") else SECONDS)
                svg = out / f"{spec.name}.svg"
                svg.write_text(app.export_screenshot(title="kryptui"), encoding="utf-8")
                photograph(svg)


def choose_people(root: Path) -> None:
    """A folder of a few people's real photos, for a matrix."""
    tree = root / "data/faces/train"
    fakes = json.loads((tree / "meta.json").read_text(encoding="utf-8"))
    for person in sorted((tree / "images").iterdir())[:PEOPLE]:
        photos = [file for file in sorted(person.iterdir()) if not fakes.get(f"{person.name}/{file.name}", 1)]
        for number, file in enumerate(photos[:PHOTOS], start=1):
            target = root / f"data/verify/{person.name.lstrip('0') or '0'}/{number}{file.suffix}"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)


def photograph(svg: Path) -> None:
    """Turns a picture into a PNG beside it."""
    found = re.search(r'viewBox="0 0 ([0-9.]+) ([0-9.]+)"', svg.read_text(encoding="utf-8"))
    assert found is not None
    size = ",".join(str(int(float(side))) for side in found.groups())
    subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size={size}",
         f"--screenshot={svg.with_suffix('.png')}", svg.absolute().as_uri()],
        check=True, capture_output=True,
    )  # fmt: skip
    svg.unlink()


if __name__ == "__main__":
    here = Path(__file__).parent.resolve()
    os.chdir(sys.argv[1])
    choose_people(Path())
    asyncio.run(draw(Path(), here))
