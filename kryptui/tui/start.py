"""Opening the app and leaving it: whatever becomes of the screen, what was begun here comes to its end.

A terminal that is gone, or that is left to go on headless, ends the app and nothing else: the same process brings
its run to its end, then those that were launched in it and still wait; other runs in the queue are left to others.
"""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import replace
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from kryptui.errors import KryptuiError
from kryptui.jobs import signals
from kryptui.jobs.launcher import Answered, Began, Ended, Event, Launcher, Leave, Said
from kryptui.jobs.streams import Kept
from kryptui.spans import duration
from kryptui.tui import graphics
from kryptui.tui.driver import KeptDriver, driver_on

if TYPE_CHECKING:
    from kryptui.jobs.workspace import Workspace
    from kryptui.tui.app import KryptuiApp
    from kryptui.tui.pages import Goal

GONE = "the terminal is gone; the run goes on without it"

TELL_SECONDS = 2.0
"""How often a run that goes on without a screen is looked at, to tell of it in a terminal."""

PATIENCE_SECONDS = 5.0
"""How long an app that is to end may wait for a terminal that stands still."""

_RETRY_SECONDS = 0.05


def start(workspace: Workspace, goal: Goal, app_class: type[KryptuiApp] | None = None) -> int:
    """Runs the app, and what it leaves behind, to the end; returns the exit code.

    0 done, 1 where the app or a run that outlived it failed, 130 where a signal or a command stopped it.
    """
    if app_class is None:
        from kryptui.tui.app import KryptuiApp

        app_class = KryptuiApp
    session = _Session(workspace)
    # Around all of it: there is no moment at which a hang-up would end the process.
    with session.launcher, signals.graceful(session.ask_stop, session.ask_lost):
        session.show(goal, app_class)
        return session.go_on()


class _Session:
    """An app, then what goes on without it. Its `ask` methods are safe from any thread and in signal handlers."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = replace(workspace, tell=lambda text: self.launcher.keep(text))
        self.launcher = Launcher(self.workspace)
        self._terminals = signals.own_terminals()
        self._asked: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._leave = Leave.NOTHING
        self._is_stopped = self._is_lost = self._is_mute = self._has_crashed = False
        self._outcomes: set[str] = set()
        self._driver: type[KeptDriver] | None = None
        self._exit_app: Callable[[], object] = lambda: None
        threading.Thread(target=self._attend, name="attendant", daemon=True).start()

    def ask_stop(self) -> None:
        """Everything saves and ends; a second time the process ends at once."""
        if self._is_stopped:
            os._exit(signals.INTERRUPTED)
        self._is_stopped = True
        self._asked.put(self._stop)

    def ask_lost(self) -> None:
        """The terminal is gone."""
        self._asked.put(self._lose)

    def show(self, goal: Goal, app_class: type[KryptuiApp]) -> None:
        """Runs the app until it is left, by its own wish or another's."""
        said = io.StringIO()
        with Kept(self.launcher.log) as kept, signals.graceful(self.ask_stop, self.ask_lost), _handlers_put_back():
            self._driver = driver_on(kept.terminal_in, kept.terminal_out, self.ask_lost)
            app = app_class(self.workspace, self.launcher, goal)
            app.driver_class = self._driver
            app.graphics = graphics.ask(kept.terminal_in, kept.terminal_out)
            self.launcher.listen(app.hear)
            # What the app says in the end, such as how it crashed, comes after the terminal is back.
            with asyncio.Runner() as runner, redirect_stderr(said):
                left = runner.run(self._run(app))
                self.launcher.listen(self._hear)
            self._exit_app = lambda: None
        self._driver = None
        if self._is_lost:
            signals.let_go(self._terminals)
        self._leave = left if isinstance(left, Leave) else Leave.NOTHING
        if app.return_code and left is None:
            self._leave, self._has_crashed = Leave.HEADLESS, True
        if said.getvalue():
            self._say(said.getvalue())

    def go_on(self) -> int:
        """Waits for what is in progress, and tells of it where there is a terminal; returns the exit code."""
        if self._is_stopped:
            self._leave = Leave.STOP
        elif self._is_lost or (self._leave is Leave.NOTHING and self.launcher.busy):  # begun just as it was left
            self._leave = Leave.HEADLESS
        if self._leave is Leave.HEADLESS:
            self.launcher.finish()
        else:
            self.launcher.leave()
        if self._leave is Leave.STOP:
            self._end_all()
        self._introduce()
        teller = _Teller(self.workspace, self._say)
        while not self.launcher.wait(None if self._is_lost else TELL_SECONDS):
            if not self._is_lost and self.launcher.training is not None:
                teller.tell(self.launcher.training)
        if self._is_stopped or (self._leave is Leave.HEADLESS and "stopped" in self._outcomes):
            return signals.INTERRUPTED
        return 1 if self._has_crashed or "failed" in self._outcomes else 0

    async def _run(self, app: KryptuiApp) -> object:
        loop = asyncio.get_running_loop()

        def exit_app() -> None:
            if app.is_running:
                app.exit(self._leave)
            else:  # it is only just beginning
                loop.call_later(_RETRY_SECONDS, exit_app)

        self._exit_app = lambda: loop.call_soon_threadsafe(exit_app)
        if self._is_stopped or self._is_lost:
            return None
        return await app.run_async()

    # The thread that does what is asked for

    def _attend(self) -> None:
        while True:
            self._asked.get()()

    def _stop(self) -> None:
        self._end_all()
        self._end_app(Leave.STOP)
        timer = threading.Timer(PATIENCE_SECONDS, self._give_up)
        timer.daemon = True
        timer.start()

    def _lose(self) -> None:
        if self._is_lost:
            return
        self._is_lost = True
        self.launcher.warn(GONE)
        driver = self._driver
        if driver is None:
            signals.let_go(self._terminals)
        elif driver.current is not None:
            driver.current.let_go()
        self._end_app(Leave.HEADLESS)

    def _give_up(self) -> None:
        """The app has not ended though it was told to: it waits for its terminal."""
        driver = self._driver
        if driver is not None and driver.current is not None:
            self._is_mute = True
            driver.current.let_go()

    def _end_all(self) -> None:
        self.launcher.leave()
        self.launcher.cancel()
        self.launcher.stop_training()

    def _end_app(self, leave: Leave) -> None:
        self._leave = leave
        with suppress(RuntimeError):  # its loop has just ended
            self._exit_app()

    # What is said in the terminal after the app

    def _introduce(self) -> None:
        run_id = self.launcher.training
        if self._leave is Leave.STOP:
            if run_id is not None:
                self._say(f"run {run_id}: finishing the batch and saving")
        elif run_id is not None:
            self._say(_goes_on(run_id))
        elif self.launcher.busy:
            self._say("what was begun goes on here without the screen; Ctrl-C stops it")

    def _hear(self, event: Event) -> None:
        match event:
            case Began(run_id):
                self._say(_goes_on(run_id))
            case Ended(run_id, name, outcome, why):
                self._outcomes.add(outcome)
                more = f": {why}" if why else ""
                if outcome == "stopped":
                    more = f"; to go on: kryptui run --headless --resume {run_id}"
                self._say(f"run {run_id} ({name}): {outcome}{more}")
            case Answered(_, result, error):
                self._outcomes.add("finished" if error is None else "stopped" if error == "stopped" else "failed")
                self._say(f"submission: {error}" if result is None else f"submission: {result[1].path}")
            case Said(text):
                self._say(text)

    def _say(self, text: str) -> None:
        if self._is_lost or self._is_mute:
            return
        from kryptui.draw.words import clean

        try:
            sys.stderr.write("\n".join(clean(line) for line in text.rstrip().splitlines()) + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            self.ask_lost()


class _Teller:
    """Says in plain lines what a run logs and how far it is, from its record."""

    def __init__(self, workspace: Workspace, say: Callable[[str], None]) -> None:
        self._workspace, self._say = workspace, say
        self._run_id, self._seq, self._step = "", 0, -1

    def tell(self, run_id: str) -> None:
        """What is new since it was last asked for; nothing of what came before it was asked for first."""
        from kryptui.runs import logs

        with suppress(KryptuiError), self._workspace.open(create=False, write=False) as store:
            run = store.get_run(run_id)
            if run_id != self._run_id:
                self._run_id, self._seq, self._step = run_id, run.last_seq, -1
            for line in logs.read(store, run_id, after_seq=self._seq):
                self._seq = line.seq
                self._say(line.text if line.level == "info" else f"{line.level}: {line.text}")
            if run.progress.get("step", self._step) != self._step:
                self._step = run.progress["step"]
                self._say(_how_far(run.progress))


def _how_far(progress: dict[str, Any]) -> str:
    words = [f"step {progress['step']:>6}/{progress.get('total', '?')}"]
    if "stage" in progress:
        words.append(f"{progress['stage']} epoch {progress.get('epoch')}/{progress.get('epochs')}")
    if "seconds_left" in progress:
        words.append(
            f"{progress.get('images_per_second', 0):.0f} img/s  left {duration(progress['seconds_left'])}"
        )
    return "  ".join(words)


def _goes_on(run_id: str) -> str:
    return f"run {run_id} goes on here without the screen; Ctrl-C saves and stops it; you may close this terminal"


@contextmanager
def _handlers_put_back() -> Iterator[None]:
    """Textual leaves its own handlers of these signals behind, which would bring the screen back."""
    numbers = (signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
