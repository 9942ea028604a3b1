"""The app: its pages, what they share, and how it is left."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual import on
from textual.app import App
from textual.binding import Binding
from textual.filter import NoColor
from textual.message import Message
from textual.reactive import reactive

from kryptui.errors import KryptuiError
from kryptui.jobs.events import AnswerProgress
from kryptui.settled import settle
from kryptui.tui.commands import Commands
from kryptui.tui.dialogs import Choice, Choose, Help
from kryptui.tui.feed import Feed, Overview, Record
from kryptui.tui.marks import Marks
from kryptui.tui.mended import Palette
from kryptui.tui.pages import PAGES, Goal
from kryptui.tui.submit.submissions import Submissions
from kryptui.tui.theme import DARK, LIGHT, NAMES_ON_DARK, NAMES_ON_LIGHT

if TYPE_CHECKING:
    from textual.screen import Screen

    from kryptui.jobs.launcher import Event, Launcher
    from kryptui.jobs.workspace import Workspace
    from kryptui.runs.rows import RunRow
    from kryptui.tui.graphics import Graphics
    from kryptui.tui.page import Page

T = TypeVar("T")

TOAST_SECONDS = 6.0

TORCH_SECONDS = 2.0
"""When torch begins to load: to load takes the interpreter from what reads the first page."""

TORCH_THREAD = "torch"
"""The name of the thread in which it loads."""

_SIGNS = {
    "slash": "/", "question_mark": "?", "less_than_sign": "<", "greater_than_sign": ">", "plus": "+", "minus": "-",
    "equals_sign": "=", "left_square_bracket": "[", "right_square_bracket": "]", "comma": ",", "full_stop": ".",
}  # fmt: skip
"""Keys that have names and are letters to whoever types."""


@dataclass
class Done(Message):
    """Something that was done in a thread: what is to be done with what it gave."""

    then: Callable[[Any], object]
    value: Any


@dataclass
class Heard(Message):
    """What the launcher tells from its threads."""

    event: Event


@dataclass
class Seen(Message):
    """What the feed tells of all runs in progress."""

    overview: Overview

    def can_replace(self, message: Message) -> bool:
        """None may be lost: each tells what has ended since the one before."""
        return False


class KryptuiApp(App[Any]):
    """Pages on number keys, over one record, one launcher and one feed."""

    TITLE = "kryptui"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = {Commands}
    MODES: ClassVar[dict[str, Any]] = {spec.name: spec.make for spec in PAGES}
    NOTIFICATION_TIMEOUT = TOAST_SECONDS
    BINDINGS = [
        *(
            Binding(str(number), f"go('{spec.name}')", spec.title, show=False)
            for number, spec in enumerate(PAGES, 1)
        ),
        Binding("question_mark", "help", "Help", show=False),
        Binding("q", "leave", "Quit", show=False, tooltip="leave the app; a run in progress can go on"),
        Binding("ctrl+c,ctrl+q", "leave", "Quit", show=False, priority=True),
    ]

    overview: reactive[Overview] = reactive(Overview(), init=False)
    device_line: reactive[str] = reactive("", init=False)
    activity: reactive[str] = reactive("", init=False)
    """What the app is doing beside, such as drawing faces; empty where nothing."""

    def __init__(self, workspace: Workspace, launcher: Launcher, goal: Goal | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.workspace, self.launcher, self.goal = workspace, launcher, goal or Goal()
        self.record = Record(workspace)
        self.feed = Feed(self.record, lambda overview: self.post_message(Seen(overview)), self.keep_message)
        self.marks = Marks()
        self.submissions = Submissions()
        self.run_id: str | None = self.goal.run
        """The run that Live shows."""
        self.opened: RunRow | None = None
        """That run as the page knew it that opened it: keys may act on it before Live has read it."""
        self.data_source: Path | None = None
        """The dataset that Data is to open next."""
        self.configure_from: str | None = None
        """What Configure is to start from next: a run's id, a preset, or a file."""
        self.configure_data: str | None = None
        """The dataset that Configure is to train on next."""
        self.configure_overrides: list[str] = []
        """Settings that Configure is to change next, such as `task.min_real=2`."""
        self.graphics: Graphics | None = None
        """How the terminal shows pictures in full, if it does."""
        self.submit_run: str | None = None
        """The run that Submit is to choose next."""
        # The theme, which is set next, reads the stylesheet anew; that once is enough.
        self.set_reactive(App.ansi_theme_dark, NAMES_ON_DARK)
        self.set_reactive(App.ansi_theme_light, NAMES_ON_LIGHT)
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        self.theme = DARK.name
        if self.no_color:
            # Textual turns colours into greys, which are colours too.
            self._filters = [NoColor()]

    @property
    def record_name(self) -> str:
        """The record as the header names it."""
        database = self.workspace.database
        return database.rpartition("/")[2] if "://" in database else Path(database).name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Names of ours that Textual's own themes lack."""
        return {"muted": "ansi_bright_black" if self.current_theme.ansi else "#808a94"}

    def on_mount(self) -> None:
        """The first page; threads begin once it is painted."""
        self.switch_mode(self.goal.page)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.feed.start()
        config, run_id = self.goal.config, self.goal.run
        if config is not None:
            self.activity = f"checking the data of {config.name}"
            self.act(lambda: self.launcher.launch(config), self._launched, self._not_launched)
        elif run_id is not None and self.goal.resumes:
            self.act(lambda: self.launcher.resume(run_id), lambda _: self._launched(run_id), self._not_launched)
        loading = threading.Thread(target=_load_torch, name=TORCH_THREAD, daemon=True)
        self.set_timer(TORCH_SECONDS, loading.start)

    def _launched(self, run_id: str) -> None:
        self.activity = ""
        if self.current_mode == self.goal.page:
            self.open_run(run_id)
        else:  # whoever has gone elsewhere meanwhile stays there
            self.run_id = run_id
            self.say(f"launched as {run_id}; 4 shows it")

    def _not_launched(self, error: str) -> None:
        self.activity = ""
        self.fail(error)

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        self.feed.stop()
        self.record.close()

    # Pages

    @property
    def page(self) -> Page | None:
        """The page at hand, whatever dialog stands over it."""
        from kryptui.tui.page import Page

        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, Page)), None)

    def action_go(self, name: str) -> None:
        """Opens a page; one that is open already looks at what it is asked for."""
        if self.current_mode != name:
            self.switch_mode(name)
        elif self.page is not None:
            self.page.on_screen_resume()

    async def _check_bindings(self, key: str, priority: bool = False) -> bool:
        """Letters act when their turn comes, not when the widget with the focus gets round to them.

        Else what is typed ahead, as by a slow line's bursts, would act on the page that was left: `/status` would
        filter by nothing and stop a run.
        """
        if await super()._check_bindings(key, priority):
            return True
        character = key if len(key) == 1 else _SIGNS.get(key)
        if not priority or character is None or self.screen is not self.page:
            return False
        focused = self.focused
        if focused is not None and focused.check_consume_key(key, character):
            return False
        return await super()._check_bindings(key)

    def action_command_palette(self) -> None:
        """Every command by name."""
        if not Palette.is_open(self):
            self.push_screen(Palette())

    def open_run(self, run_id: str, run: RunRow | None = None) -> None:
        """Shows a run on Live; as it is known, if it is, until it is read there."""
        self.run_id, self.opened = run_id, run
        self.action_go("live")

    def action_help(self) -> None:
        """What the page is for, and its keys."""
        page = self.page
        if page is not None and self.screen is page:
            self.push_screen(Help(page.PAGE.capitalize(), page.HELP, list(_keys(self.screen, self))))

    def commands(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """What the palette offers on every page: name, help, what it does."""
        yield (
            "Draw demo faces into data/faces",
            "48 people with deepfakes, in a minute; no download",
            self.draw_faces,
        )
        yield "Theme", "dark, light, and Textual's own", self.action_change_theme
        yield "Messages", "what libraries and the queue said in this session", self.show_messages
        yield "Quit", "key q", self.action_leave

    # Doing things beside

    def act(
        self,
        doing: Callable[[], T],
        then: Callable[[T], object] | None = None,
        failed: Callable[[str], object] | None = None,
    ) -> None:
        """Does something in a thread of its own, then something with what it gave in this one.

        An expected error becomes a toast, or goes to `failed`; so does another, its traceback kept in Messages.
        """

        def work() -> None:
            try:
                value = doing()
            except KryptuiError as error:
                self.post_message(Done(failed or self.fail, str(error)))
            except Exception as error:
                self.keep_message(traceback.format_exc())
                text = f"an error of the program: {type(error).__name__}: {error}; see Messages in the palette"
                self.post_message(Done(failed or self.fail, text))
            else:
                if then is not None:
                    self.post_message(Done(then, value))

        threading.Thread(target=work, daemon=True).start()

    @on(Done)
    def _done(self, message: Done) -> None:
        message.then(message.value)

    def call_soon(self, act: Callable[..., object], *arguments: object) -> None:
        """Has something done in the thread that draws, soon; safe from any thread, and waits for nothing."""
        self.post_message(Done(lambda _: act(*arguments), None))

    def say(self, text: str, title: str = "") -> None:
        """A toast."""
        self.notify(text, title=title, markup=False)

    def warn(self, text: str, title: str = "") -> None:
        """A toast that warns."""
        self.notify(text, title=title, severity="warning", markup=False)

    def fail(self, text: str, title: str = "") -> None:
        """A toast that says what is wrong and what to do."""
        self.notify(text, title=title, severity="error", timeout=2 * TOAST_SECONDS, markup=False)

    def keep_message(self, text: str) -> None:
        """Keeps lines that belong to no run; safe from any thread."""
        self.launcher.keep(text)

    def show_messages(self) -> None:
        """What was said and belongs to no run."""
        text = "\n".join(self.launcher.messages) or "nothing was said"
        self.push_screen(Help("Messages", text, []))

    def work(self) -> None:
        """Works on the queue of this workspace from now on, one run after the other."""
        self.launcher.work()
        self.say("this app works on the queue now, one run after the other")

    def draw_faces(self) -> None:
        """Draws a face set into the workspace, then opens it on the Data page."""
        from kryptui.tui.data.demo_faces import draw

        draw(self)

    # What threads tell

    @on(Seen)
    def _seen(self, message: Seen) -> None:
        from kryptui.tui.news import news

        before = {run.id: run for run in self.overview.live}
        for title, text, severity in news(before, message.overview):
            self.notify(text, title=title, severity=severity, markup=False)
        self.overview = message.overview
        self.device_line = message.overview.device

    def hear(self, event: Event) -> None:
        """Takes what the launcher tells; safe from any thread."""
        self.post_message(Heard(event))

    @on(Heard)
    def _heard(self, message: Heard) -> None:
        for title, text, severity in self.submissions.hear(message.event):
            self.notify(text, title=title, severity=severity, markup=False)
        if self.page is not None:
            self.page.hear(message.event)
        if not isinstance(message.event, AnswerProgress):  # of which the record knows nothing
            self.feed.look()

    # Leaving

    def action_leave(self) -> None:
        """Leaves; asks first where a run is in progress in this process."""
        from kryptui.jobs.launcher import Leave

        if isinstance(self.screen, Choose):
            return
        run_id = self.launcher.training
        if run_id is None and not self.launcher.busy:
            self.exit(Leave.NOTHING)
            return
        choices = [
            Choice("stay", "stay in the app"),
            Choice("headless", "leave the screen, go on", "in this shell; you may close the terminal"),
            Choice("stop", "stop it and leave", "after this batch, with a checkpoint to resume from"),
        ]
        ways = {"headless": Leave.HEADLESS, "stop": Leave.STOP}
        name = next((run.name for run in self.overview.live if run.id == run_id), run_id)
        self.push_screen(
            Choose("what was begun here goes on" if name is None else f"{name} is training here", choices),
            lambda answer: self.exit(ways[answer]) if answer in ways else None,
        )

    def search_themes(self) -> None:
        """All themes by name."""
        from textual.theme import ThemeProvider

        self.push_screen(Palette(providers=[ThemeProvider], placeholder="Search for themes…"))

    def get_system_commands(self, screen: Screen[Any]) -> Iterator[Any]:
        """Textual's own, none of them: `commands` has all."""
        return iter(())


def _keys(screen: Screen[Any], app: KryptuiApp) -> Iterator[tuple[str, str]]:
    """Every key that applies, with the longer of its words; not those that every app has."""
    found: dict[str, tuple[list[str], str]] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if binding.description and active.enabled and (binding.tooltip or binding.show):
            words = f"{binding.description}: {binding.tooltip}" if binding.tooltip else binding.description
            found.setdefault(binding.action, ([], words))[0].append(app.get_key_display(binding))
    for keys, words in found.values():
        yield "/".join(dict.fromkeys(keys)), words


def _load_torch() -> None:
    """So that the first launch does not wait for it."""
    import kryptui.jobs.training  # noqa: F401

    settle()
