"""`kryptui worker`: drains the queue on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kryptui.cli.options import DATABASE, Database, Json, workspace

if TYPE_CHECKING:
    from kryptui.engine.protocols import Recorder
    from kryptui.jobs.training import Onlooker
    from kryptui.jobs.worker import Outcome
    from kryptui.runs.rows import RunRow


def worker(
    until_empty: Annotated[
        bool, typer.Option("--until-empty", help="Leave when the queue is empty; 1 if a run failed.")
    ] = False,
    all_workspaces: Annotated[
        bool, typer.Option("--all", help="Take the runs of all workspaces that this machine has, not of this one.")
    ] = False,
    json_lines: Json = False,
    database: Database = DATABASE,
) -> None:
    """Takes runs from the queue, one after the other.

    Ctrl-C saves the run in progress and puts it back in the queue. With --json one object a line: the events of
    `kryptui run --json` for each run, {"event": "requeued", "run": ID} and {"event": "worker", "text": TEXT}.
    """
    from kryptui.cli.headless import JsonView, PlainView, View, Watched
    from kryptui.cli.teller import Teller
    from kryptui.jobs.signals import INTERRUPTED, graceful
    from kryptui.jobs.training import Onlooker
    from kryptui.jobs.worker import Ear, Worker
    from kryptui.tell.run import run_json

    teller = Teller()

    def event(kind: str, **fields: Any) -> None:
        teller.tell(lambda: JsonView().event(kind, **fields))

    def tell(text: str) -> None:
        if json_lines:
            event("worker", text=text)
        else:
            teller.tell(lambda: typer.echo(text, err=True))

    def taken(row: RunRow) -> Onlooker:
        def watch(run_id: str, recorder: Recorder) -> Recorder:
            view: View = JsonView() if json_lines else PlainView()
            shown = Watched(recorder, view, teller)
            shown.show(lambda view: view.begin(run_id if json_lines else f"{run_id} ({row.name})"))
            return shown

        return Onlooker(lambda run_id: None, tell, watch)

    def ended(row: RunRow, outcome: Outcome, why: str) -> None:
        if not json_lines:
            words = {"failed": f"failed: {why}", "requeued": "saved, and back in the queue"}
            tell(f"run {row.id} ({row.name}): {words.get(outcome, outcome)}")
        elif outcome == "failed":
            event("failed", run=row.id, error=why)
        elif outcome == "requeued":
            event("requeued", run=row.id)
        else:
            folder = where.checkpoints(row.id, row.workspace)
            event("finished", **run_json(store.get_run(row.id)), checkpoints=str(folder))

    where = workspace(database)
    with teller, where.open() as store:
        hand = Worker(where, store, Ear(tell, taken, ended), all_workspaces=all_workspaces)
        with graceful(hand.stop):
            tell(f"working on the queue of {'all workspaces' if all_workspaces else where.root}")
            tally = hand.work(until_empty=until_empty)
        words = [f"{count} {what}" for what, count in vars(tally).items() if count]
        tell(f"worker ends: {', '.join(words) or 'no run was taken'}")
    if hand.stopping:
        raise typer.Exit(INTERRUPTED)
    if tally.failed:
        raise typer.Exit(1)
