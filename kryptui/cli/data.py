"""`kryptui data`: look at a dataset, prepare it, fetch or draw one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from kryptui.cli import faces, label_doctor
from kryptui.cli.answer import counting
from kryptui.cli.options import THREADS, Json, Threads

app = typer.Typer(help="Inspect, prepare, fetch or draw a dataset.", no_args_is_help=True, rich_markup_mode=None)
get = typer.Typer(help="Fetch a public dataset.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(get, name="get")
app.command("landmarks")(faces.landmarks)
app.command("align")(faces.align)
app.command("doctor")(label_doctor.doctor)

MAX_PIXELS = 178_956_970
Source = Annotated[Path, typer.Argument(metavar="PATH", help="A contest tree, class folders, or a manifest csv.")]
MaxPixels = Annotated[int, typer.Option("--max-pixels", min=1, max=MAX_PIXELS, help="Larger images are left out.")]


@app.command("inspect")
def inspect(
    path: Source, threads: Threads = THREADS, max_pixels: MaxPixels = MAX_PIXELS, json_output: Json = False
) -> None:
    """Counts, broken files, copies, leaks, and what pruning leaves.

    --json: an object with "source"; the counts images, identities, reals, fakes, unknown, people_with_one_image,
    people_with_one_real, people_without_reals, near_same_identity, look_alikes_same_identity; the counts by key
    images_per_identity, reals_per_identity, sizes, formats, modes, splits; broken and left_out: [{path, reason,
    detail}]; exact_same_identity, exact_other_identity, exact_across_splits: [{paths, identities, splits,
    same_file}]; near_other_identity, near_across_splits, look_alikes_other_identity: [{first, second, distance,
    correlation}]; keys_without_file, files_without_key, identities_in_two_splits, notices: [text]; and remains,
    what each choice leaves: [{fakes, min_real, min_class, images, identities, reals, fake_images, classes,
    lost_reals, lost_fakes}].
    """
    from kryptui.cli.console import console
    from kryptui.data.inspect import inspect_dataset
    from kryptui.draw.console import render_report

    with counting("reading images") as progress:
        report = inspect_dataset(path, threads=threads, max_pixels=max_pixels, progress=progress)
    if json_output:
        typer.echo(json.dumps(report.to_json(), indent=1))
        return
    screen = console()
    screen.print(render_report(report.to_report(), screen.width))


@app.command("prepare")
def prepare(
    path: Source,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where manifest and pairs go.")],
    identities: Annotated[float, typer.Option("--identities", help="Share of the people for validation.")] = 0.2,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the split and the pairs.")] = 0,
    pairs: Annotated[int, typer.Option("--pairs", min=10, help="Most pairs of each kind.")] = 2000,
    threads: Threads = THREADS,
    max_pixels: MaxPixels = MAX_PIXELS,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another preparation.")] = False,
    overlay: Annotated[
        Path | None, typer.Option("--overlay", metavar="CSV", help="Corrected labels, as data doctor writes them.")
    ] = None,
    json_output: Json = False,
) -> None:
    """Splits by identity, and freezes the validation pairs.

    Writes manifests and pairs to DIR; the source is never changed.

    --json, and prepare.json: {"source", "version", "seed", "fraction", "splits": {split: {"images", "identities",
    "reals", "fakes"}}, "pairs": {kind: how many}, "digests": {what: sha256}, "left_out": [{"path", "reason",
    "detail"}], "notices": [text], "overlay": null, or {"path", "digest", and how often "drop", "move", "merge" and
    "keep"}}.
    """
    from dataclasses import asdict

    from kryptui.data.prepare import prepare as prepare_dataset

    with counting("checking images") as progress:
        summary = prepare_dataset(
            path,
            output,
            fraction=identities,
            seed=seed,
            pairs=pairs,
            threads=threads,
            max_pixels=max_pixels,
            overwrite=overwrite,
            progress=progress,
            overlay=overlay,
        )
    if json_output:
        typer.echo(json.dumps(asdict(summary), indent=1))
        return
    for name, counts in summary.splits.items():
        typer.echo(f"{name:<11}" + ", ".join(f"{count} {what}" for what, count in counts.items()))
    typer.echo(f"{'pairs':<11}" + ", ".join(f"{count} {kind}" for kind, count in summary.pairs.items()))
    if summary.overlay is not None:
        decided = ", ".join(f"{summary.overlay[action]} {action}" for action in ("drop", "move", "merge", "keep"))
        typer.echo(f"{'overlay':<11}{decided}")
    if summary.left_out:
        typer.echo(f"{'left out':<11}{len(summary.left_out)} files, named in {output / 'prepare.json'}")
    typer.echo(f"written to {output}; train on it with -o task.train={output}")


@app.command("demo")
def demo(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    people: Annotated[int, typer.Option("--people", help="People to train on.")] = 48,
    photos: Annotated[int, typer.Option("--photos", help="Real photos of each, about.")] = 8,
    fakes: Annotated[int, typer.Option("--fakes", help="Fakes of each, about.")] = 3,
    size: Annotated[int, typer.Option("--size", help="Side in pixels.")] = 112,
    test_pairs: Annotated[int, typer.Option("--test-pairs", help="Pairs of other people.")] = 150,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
) -> None:
    """Draws faces in contest layout, with fakes and a test tree."""
    from kryptui.data.demo import write_demo

    with counting("drawing") as progress:
        summary = write_demo(
            directory,
            people=people,
            photos=photos,
            fakes=fakes,
            size=size,
            seed=seed,
            test_pairs=test_pairs,
            progress=progress,
        )
    typer.echo(
        f"{directory}: {summary.real} real and {summary.fakes} fake images of {summary.people} people, "
        f"{summary.test_pairs} test pairs of {summary.test_people} others"
    )


@get.command("kryptonite")
def kryptonite(
    directory: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where train and test_public go.")] = Path(
        "data"
    ),
) -> None:
    """The contest's archives: fetched with resume, unpacked safely."""
    from kryptui.data.download import get_kryptonite

    with counting("bytes") as count:
        get_kryptonite(directory, None if count is None else lambda _, done, total: count(done, total or done))
    typer.echo(f"{directory / 'train'} and {directory / 'test_public'} are there")
