"""`kryptui run`: trains, on the app's Live page or without a screen."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from kryptui.cli import screen
from kryptui.cli.completion import complete_configuration, complete_run
from kryptui.cli.options import DATABASE, Database, Json, Overrides, workspace

if TYPE_CHECKING:
    from kryptui.config import AnyConfig
    from kryptui.engine.control import Control
    from kryptui.engine.protocols import Recorder
    from kryptui.jobs.training import Finished, Onlooker
    from kryptui.jobs.workspace import Workspace
    from kryptui.tasks.registry import TaskSpec


def run(
    cfg: Annotated[
        str | None,
        typer.Argument(
            metavar="[CFG]", help="A YAML file, or the name of a preset.", autocompletion=complete_configuration
        ),
    ] = None,
    headless: Annotated[
        bool, typer.Option("--headless", help="Train without a screen, also on a terminal.")
    ] = False,
    override: Overrides = None,
    resume: Annotated[
        str | None,
        typer.Option(
            "--resume", metavar="RUN", help="Go on with an interrupted run instead.", autocompletion=complete_run
        ),
    ] = None,
    queue: Annotated[
        bool, typer.Option("--queue", help="Put it in the queue for a worker, checked as if it began here.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check configuration, data and model; train nothing.")
    ] = False,
    json_lines: Json = False,
    database: Database = DATABASE,
) -> None:
    """Trains a model, on a terminal in the app.

    Without a screen, Ctrl-C saves a checkpoint and exits 130; --resume goes on from there. With --json, which has
    no screen either, one object a line, each with "event" and "time": waiting, started, metric (step, epoch,
    values), log (level, text), progress (stage, epoch, step, total, images_per_second, seconds_left), failed
    (error), and finished, which is the run as `runs show --json` has it and "checkpoints". With --queue: {"run":
    ID, "ahead": how many wait before it}.
    """
    from kryptui import config as configuration
    from kryptui.errors import InputError
    from kryptui.tasks import registry

    if (cfg is None) == (resume is None):
        raise InputError("give a configuration (a YAML file or a preset), or --resume RUN; one of the two")
    if queue and (dry_run or resume is not None):
        raise InputError("--queue: leave --dry-run out; an interrupted run is queued by: kryptui runs resume RUN")
    if dry_run and json_lines:
        raise InputError("--dry-run: prints a few lines for people; leave --json out")
    on_screen = not (headless or dry_run or queue or json_lines) and screen.is_possible()
    if resume is not None:
        if override or dry_run:
            raise InputError("--resume: goes on with the run's own configuration; leave -o and --dry-run out")
        if on_screen:
            raise screen.open_app(database, "live", resume=_resolved(resume, workspace(database)))
        raise typer.Exit(_resume(resume, workspace(database), json_lines))
    assert cfg is not None
    config = configuration.load(configuration.find(cfg), registry.settings_of, override or ())
    if dry_run:
        _dry_run(config)
        return
    if queue:
        _enqueue(config, workspace(database), json_lines)
        return
    if on_screen:
        raise screen.open_app(database, "live", config)
    raise typer.Exit(train_and_report(config, workspace(database), json_lines)[0])


def train_and_report(config: AnyConfig, where: Workspace, json_lines: bool) -> tuple[int, str]:
    """Trains a new run and shows how it goes and ends; returns the exit code and the run's id."""
    from kryptui.jobs import training
    from kryptui.tasks import registry

    with _shown(registry.get(config.task.kind), json_lines) as (control, onlooker):
        finished = training.train(config, where, control, onlooker)
    return _report(finished, where, json_lines), finished.run_id


def _resume(run_name: str, where: Workspace, json_lines: bool) -> int:
    from kryptui.jobs import training
    from kryptui.tasks import registry

    with where.open(create=False) as store:
        row = store.get_run(store.resolve_run(run_name))
    training.check_resumable(row)
    with _shown(registry.get(row.task), json_lines) as (control, onlooker):
        finished = training.resume(run_name, where, control, onlooker)
    return _report(finished, where, json_lines)


def _resolved(run_name: str, where: Workspace) -> str:
    with where.open(create=False) as store:
        return store.resolve_run(run_name)


def _enqueue(config: AnyConfig, where: Workspace, json_output: bool) -> None:
    """Says that the run is in the queue, and behind how many."""
    import json

    from kryptui.jobs import training
    from kryptui.runs import queue

    run_id = training.enqueue(config, where)
    with where.open(create=False, write=False) as store:
        waiting = [row.id for row in queue.waiting(store, str(where.root.resolve()))]
    ahead = waiting.index(run_id) if run_id in waiting else 0
    if json_output:
        typer.echo(json.dumps({"run": run_id, "ahead": ahead}))
    else:
        typer.echo(f"run {run_id}: queued, {ahead} before it; kryptui worker takes it")


def _dry_run(config: AnyConfig) -> None:
    from kryptui.config import at_stage
    from kryptui.engine.device import resolve
    from kryptui.jobs.training import prepare
    from kryptui.models.embedder import count_parameters

    device = resolve(config.device, config.precision, config.threads, config.channels_last)
    prepared = prepare(config)
    for notice in prepared.task.take_notices():
        typer.echo(notice.text, err=True)
    model = prepared.task.model()
    typer.echo(f"{config.name}: would run on {device.label}; {count_parameters(model):,} parameters")
    for index, stage in enumerate(config.stages):
        work = prepared.task.stage(at_stage(config, index), index, device.device)
        steps = work.steps_per_epoch
        typer.echo(f"stage {stage.name}: {stage.epochs} epochs of {steps} batches, lr {stage.lr:g}")


@contextmanager
def _shown(spec: TaskSpec, json_lines: bool) -> Iterator[tuple[Control, Onlooker]]:
    """A control that Ctrl-C reaches once the run is on record, and what shows the run on stdout or stderr."""
    from kryptui.cli.headless import BarView, JsonView, PlainView, View, Watched
    from kryptui.cli.teller import Teller
    from kryptui.engine.control import Control
    from kryptui.errors import KryptuiError
    from kryptui.jobs.signals import graceful
    from kryptui.jobs.training import Onlooker

    control = Control()
    known: dict[str, str] = {}
    recorders: list[Recorder] = []
    with ExitStack() as stack:
        teller = stack.enter_context(Teller())

        def hung_up() -> None:
            for recorder in recorders:
                recorder.log("warning", "the terminal is gone; the run goes on without it")

        def began(run_id: str) -> None:
            known["run"] = run_id
            stack.enter_context(graceful(control.stop, hung_up))

        def tell(text: str) -> None:
            if json_lines:
                teller.tell(lambda: JsonView().event("waiting", **known, text=text))
            else:
                teller.tell(lambda: typer.echo(text, err=True))

        def watch(run_id: str, recorder: Recorder) -> Recorder:
            recorders.append(recorder)
            view: View
            if json_lines:
                view = JsonView()
            elif sys.stderr.isatty():
                view = BarView(spec.headline, spec.better == "lower")
            else:
                view = PlainView()
            stack.callback(teller.tell, view.close)
            watched = Watched(recorder, view, teller)
            watched.show(lambda view: view.begin(run_id))
            return watched

        try:
            yield control, Onlooker(began, tell, watch)
        except KryptuiError as error:
            why = str(error)
            if json_lines:
                teller.tell(lambda: JsonView().event("failed", **known, error=why))
            raise


def _report(finished: Finished, where: Workspace, json_lines: bool) -> int:
    """The short table at the end of a run, on stdout; returns the exit code."""
    from kryptui.cli.console import console
    from kryptui.cli.headless import JsonView
    from kryptui.jobs.signals import INTERRUPTED, let_go
    from kryptui.tell.run import ending, run_json

    with where.open(create=False) as store:
        row = store.get_run(finished.run_id)
    try:
        if json_lines:
            JsonView().event("finished", **run_json(row), checkpoints=str(finished.folder))
        else:
            console().print(ending(row, finished.folder), highlight=False)
    except OSError:  # the terminal is gone without a signal, or the reader of a pipe: the run is well nevertheless
        let_go([1])
    return 0 if finished.result.outcome == "finished" else INTERRUPTED
