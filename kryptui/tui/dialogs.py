"""Short questions over a page: yes or no, a line of text, one of several, and the help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from kryptui.errors import InputError

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer]):
    """A question that is answered once: keys that come in a burst behind the answer find it closed already."""

    _is_answered = False

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Closes with an answer."""
        if self._is_answered or not self.is_active:  # under another one, it can be answered later
            return AwaitComplete()
        self._is_answered = True
        return super().dismiss(result)


class Confirm(Dialog[bool]):
    """Asks before something that cannot be taken back; nothing happens unless it is agreed to."""

    AUTO_FOCUS = "#no"

    BINDINGS = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape", "answer(False)", "No"),
        Binding("left,right,h,l", "app.focus_next", "Other", show=False),
    ]

    def __init__(self, question: str, details: str = "", yes: str = "Yes", no: str = "No") -> None:
        super().__init__()
        self._question, self._details, self._yes, self._no = question, details, yes, no

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -danger"):
            yield Static(Text(self._question), classes="dialog--title")
            if self._details:
                yield Static(Text(self._details), classes="dialog--details")
            with Horizontal(classes="dialog--buttons"):
                yield Button(f"n  {self._no}", id="no")
                yield Button(f"y  {self._yes}", id="yes", variant="error")

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """Answers by key."""
        self.dismiss(yes)


class Ask(Dialog[str | None]):
    """Asks for a line of text; `check` raises InputError for one that cannot be, which is shown as it is typed."""

    AUTO_FOCUS = "Input"

    BINDINGS = [Binding("escape", "cancel", "Cancel")]

    def __init__(
        self,
        title: str,
        value: str = "",
        hint: str = "",
        check: Callable[[str], object] | None = None,
        suggestions: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self._title, self._value, self._hint, self._check = title, value, hint, check
        self._suggestions = suggestions

    def compose(self) -> ComposeResult:
        from textual.suggester import SuggestFromList

        suggester = SuggestFromList(self._suggestions, case_sensitive=False) if self._suggestions else None
        with Vertical(classes="dialog"):
            yield Static(Text(self._title), classes="dialog--title")
            yield Input(self._value, placeholder=self._hint, suggester=suggester)
            yield Static("", classes="dialog--error")
            yield Static(Text("enter accepts · esc leaves it as it is"), classes="dialog--details")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self.query_one(".dialog--error", Static).update(Text(self._problem(event.value) if event.value else ""))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        problem = self._problem(event.value)
        self.query_one(".dialog--error", Static).update(Text(problem))
        if not problem:
            self.dismiss(event.value)

    def _problem(self, text: str) -> str:
        try:
            if self._check is not None:
                self._check(text)
        except InputError as error:
            return str(error)
        return ""

    def action_cancel(self) -> None:
        """Nothing changes."""
        self.dismiss(None)


@dataclass(frozen=True)
class Choice:
    """One of several answers: what it stands for, what it is called, and a word on it."""

    value: str
    title: str
    about: str = ""


class Choose(Dialog[str | None]):
    """One of several answers, by arrows and enter or by its number."""

    AUTO_FOCUS = "OptionList"

    BINDINGS = [Binding("escape,q", "cancel", "Cancel")]

    def __init__(self, title: str, choices: Sequence[Choice], details: str = "", start: str | None = None) -> None:
        super().__init__()
        self._title, self._choices, self._details, self._start = title, choices, details, start

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Text(self._title), classes="dialog--title")
            if self._details:
                yield Static(Text(self._details), classes="dialog--details")
            values = [choice.value for choice in self._choices]
            lines = (self._line(number, choice) for number, choice in enumerate(self._choices, 1))
            options = OptionList(*(Option(line, id=value) for line, value in zip(lines, values, strict=True)))
            options.highlighted = values.index(self._start) if self._start in values else 0
            yield options

    def _line(self, number: int, choice: Choice) -> Text:
        text = Text().append(f"{number} " if number < 10 else "  ", "bold").append(choice.title)
        return text.append(f"  {choice.about}", "dim") if choice.about else text

    def key_number(self, number: int) -> None:
        """Answers by number."""
        if number <= len(self._choices):
            self.dismiss(self._choices[number - 1].value)

    def on_key(self, event: events.Key) -> None:
        """Numbers answer at once, and do nothing else: the page below has a use for them too."""
        if event.character and event.character in "123456789":
            event.stop()
            self.key_number(int(event.character))

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)

    def action_cancel(self) -> None:
        """None of them."""
        self.dismiss(None)


class Help(Dialog[None]):
    """What a page is for, and every key that applies on it; arrows scroll."""

    AUTO_FOCUS = "VerticalScroll"

    BINDINGS = [Binding("escape,question_mark,q,enter", "dismiss", "Close")]

    def __init__(self, title: str, about: str, keys: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._title, self._about, self._keys = title, about, keys

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog -help") as scroll:
            scroll.border_subtitle = "esc closes · arrows scroll"
            yield Static(Text(self._title), classes="dialog--title")
            yield Static(Text(self._about.strip()), classes="dialog--text")
            yield Static(self._table(), classes="dialog--text")

    def _table(self) -> Text:
        width = max((len(key) for key, _ in self._keys), default=0)
        return Text("\n").join(
            Text().append(key.rjust(width), "bold").append(f"  {what}") for key, what in self._keys
        )
