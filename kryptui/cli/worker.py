"""`kryptui worker`: drains the queue on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kryptui.cli.options import DATABASE, Database, Json, workspace

if TYPE_CHECKING:
    from kryptui.engine.protocols import Recorder
    from kryptui.jobs.training import Watch
    from kryptui.runs.rows import RunRow


def worker(
    until_empty: Annotated[
        bool, typer.Option("--until-empty", help="Leave when the queue is empty; 1 if a run failed.")
    ] = False,
    all_workspaces: Annotated[
        bool, typer.Option("--all", help="Take the runs of other workspaces too; their paths must hold here.")
    ] = False,
    json_lines: Json = False,
    database: Database = DATABASE,
) -> None:
    """Takes runs from the queue, one after the other. Ctrl-C saves the run and puts it back in the queue.

    With --json one object a line: those of `run --json`, and {"event": "worker", "text": ...}.
    """
    from kryptui.cli.headless import JsonView, PlainView, View, Watched
    from kryptui.jobs.signals import INTERRUPTED, graceful
    from kryptui.jobs.worker import Worker

    def tell(text: str) -> None:
        if json_lines:
            JsonView().event("worker", text=text)
        else:
            typer.echo(text, err=True)

    def watch(row: RunRow) -> Watch:
        def watched(run_id: str, recorder: Recorder) -> Recorder:
            view: View = JsonView() if json_lines else PlainView()
            shown = Watched(recorder, view)
            shown.show(lambda view: view.begin(f"{run_id}" if json_lines else f"{run_id} ({row.name})"))
            return shown

        return watched

    where = workspace(database)
    with where.open() as store:
        hand = Worker(where, store, watch, tell, all_workspaces=all_workspaces)
        with graceful(hand.stop):
            tell(f"working on the queue of {'all workspaces' if all_workspaces else where.root}")
            tally = hand.work(until_empty=until_empty)
    words = [f"{count} {what}" for what, count in vars(tally).items() if count]
    tell(f"worker ends: {', '.join(words) or 'no run was taken'}")
    if hand.stopping:
        raise typer.Exit(INTERRUPTED)
    if tally.failed:
        raise typer.Exit(1)
