"""`kryptui runs compare`: what differs between runs, in settings, in metrics and over time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kryptui.cli.completion import complete_metric
from kryptui.cli.options import DATABASE, ChosenRuns, Database, Filter, Json, workspace

if TYPE_CHECKING:
    from kryptui.runs.compare import Axis, Metric, Points, Setting
    from kryptui.runs.rows import RunRow
    from kryptui.runs.store import Store


def compare(
    runs: ChosenRuns = None,
    filter: Filter = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="NAME",
            help="Only this metric; may be repeated.",
            autocompletion=complete_metric,
        ),
    ] = None,
    axis: Annotated[
        str,
        typer.Option(
            "--axis", metavar="step|epoch|time", help="What curves are drawn over; time is that of running."
        ),
    ] = "step",
    log_y: Annotated[bool, typer.Option("--log-y", help="Curves on a logarithmic scale.")] = False,
    smooth: Annotated[
        float,
        typer.Option("--smooth", metavar="WEIGHT", min=0.0, max=0.99, help="Of the past in curves: 0 to 0.99."),
    ] = 0.0,
    all_settings: Annotated[bool, typer.Option("--all-settings", help="Settings that are equal too.")] = False,
    curves: Annotated[bool, typer.Option("--curves", help="With --json: the points of the curves too.")] = False,
    json_output: Json = False,
    database: Database = DATABASE,
) -> None:
    """Runs side by side: settings that differ, metrics, curves.

    The first that is named, or the oldest of those that the filter finds, is what the others are measured against.

    --json: {"runs": [as in runs list], "warnings": [text], "settings": {path: {run id: value}}, "surroundings":
    likewise, "metrics": {name: {"direction", "winners": {"best": [run ids], "last": [run ids]}, "runs": {run id:
    {"best", "best_step", "last", "last_step"}}}}}; what a run lacks is left out. With --curves also "curves":
    {name: {"axis", "runs": {run id: {"x": [...], "y": [...]}}}}, time in seconds.
    """
    from kryptui.errors import InputError
    from kryptui.runs import compare as compared

    over = _axis(axis)
    if curves and not json_output:
        raise InputError("--curves: adds the points to --json; for people the curves are drawn anyway")
    with workspace(database).open(create=False, write=False) as store:
        chosen = _chosen(store, runs or [], filter)
        headlines = _headlines(chosen)
        recorded = compared.metrics(chosen, [*headlines, "loss"])
        shown = _shown(recorded, metric)

        def points(name: str, run: RunRow) -> tuple[Points, Points]:
            x, y = compared.series(store, run.id, name, over)
            return x, compared.smooth(y, smooth)

        drawn = [found.name for found in shown] if metric else _leading(recorded, headlines)
        settings = compared.settings(chosen, all_settings=all_settings)
        around = compared.surroundings(chosen)
        if json_output:
            facts = _json(chosen, settings, around, shown)
            if curves:
                facts["curves"] = {
                    name: {"axis": over, "runs": {run.id: _columns(*points(name, run)) for run in chosen}}
                    for name in drawn
                }
            typer.echo(json.dumps(facts))
            return
        from kryptui.cli.console import console
        from kryptui.draw.console import render_report
        from kryptui.draw.words import clean
        from kryptui.figures import Report
        from kryptui.tell import comparison as view

        screen = console()
        width = screen.width
        figures = [
            view.curve(name, chosen, [points(name, run) for run in chosen], over, smooth, log_y, width)
            for name in drawn
        ]
    screen.print(view.report(chosen, settings, around, shown, width))
    alone = [found.name for found in recorded if found not in shown]
    if alone and not metric:
        screen.print(clean(f"recorded by one of them alone: {', '.join(alone)}"), markup=False, style="dim")
    if figures:
        screen.print()
        screen.print(render_report(Report("curves", {}, list(figures)), width))


def _axis(word: str) -> Axis:
    from kryptui.errors import InputError, nearest
    from kryptui.runs.compare import AXES

    for axis in AXES:
        if word == axis:
            return axis
    raise InputError(f"--axis {word!r}: no such axis{nearest(word, AXES)}; one of {', '.join(AXES)}")


def _chosen(store: Store, names: Sequence[str], filter: str | None) -> list[RunRow]:
    """The runs that are named and those that a filter finds; raises InputError for too few or too many."""
    from kryptui.draw.words import MARKERS
    from kryptui.errors import InputError

    ids: list[str] = []
    for name in names:
        run_id = store.resolve_run(name)
        if run_id in ids:
            raise InputError(f"run {name!r}: {run_id} is named twice; a run is not compared with itself")
        ids.append(run_id)
    if filter is not None:
        ids += [run.id for run in store.list_runs(filter, "created") if run.id not in ids]
    if len(ids) < 2:
        what = "found one run" if ids else "found no run" if filter is not None else "no run is named"
        raise InputError(f"compare: {what}; name two or more runs, or give a --filter that finds them")
    if len(ids) > len(MARKERS):
        raise InputError(
            f"compare: {len(ids)} runs are more than can be told apart ({len(MARKERS)}); narrow the --filter"
        )
    return [store.get_run(run_id) for run_id in ids]


def _headlines(runs: Sequence[RunRow]) -> list[str]:
    """The headline metrics of the runs' tasks, as far as their tasks are known here."""
    from kryptui.errors import InputError
    from kryptui.tasks import registry

    names = []
    for task in dict.fromkeys(run.task for run in runs):
        try:
            names.append(registry.get(task).headline)
        except InputError:  # recorded elsewhere, or its package is not installed here
            continue
    return list(dict.fromkeys(names))


def _shown(recorded: Sequence[Metric], names: Sequence[str] | None) -> list[Metric]:
    """The metrics that were asked for, else those that two runs or more have in common."""
    from kryptui.errors import InputError, nearest

    if not names:
        return [metric for metric in recorded if len(metric.summaries) > 1]
    known = {metric.name: metric for metric in recorded}
    for name in names:
        if name not in known:
            raise InputError(f"--metric {name!r}: none of these runs has recorded it{nearest(name, known)}")
    return [known[name] for name in dict.fromkeys(names)]


def _leading(recorded: Sequence[Metric], headlines: Sequence[str]) -> list[str]:
    """What is drawn unasked: the headlines and the loss, else the first metric that there is."""
    leading = [metric.name for metric in recorded if metric.name in (*headlines, "loss")]
    return leading or [metric.name for metric in recorded[:1]]


def _json(
    runs: Sequence[RunRow], settings: Sequence[Setting], around: Sequence[Setting], metrics: Sequence[Metric]
) -> dict[str, Any]:
    from kryptui.runs.compare import warnings
    from kryptui.tell.run import finite, run_json

    return {
        "runs": [run_json(run) for run in runs],
        "warnings": warnings(runs),
        "settings": {setting.path: setting.values for setting in settings},
        "surroundings": {setting.path: setting.values for setting in around},
        "metrics": {
            metric.name: {
                "direction": metric.direction,
                "winners": {"best": sorted(metric.winners("best")), "last": sorted(metric.winners("last"))},
                "runs": {
                    run_id: {
                        "best": finite(found.best),
                        "best_step": found.best_step,
                        "last": finite(found.last),
                        "last_step": found.last_step,
                    }
                    for run_id, found in metric.summaries.items()
                },
            }
            for metric in metrics
        },
    }


def _columns(x: Points, y: Points) -> dict[str, list[float | None]]:
    from kryptui.tell.run import finite

    return {"x": x.tolist(), "y": [finite(value) for value in y.tolist()]}
