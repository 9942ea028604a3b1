"""A line that names the sections of a page with their keys, the one at hand marked, and a note at the right."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget


class SectionLine(Widget):
    """Sections by key and title; what does not fit of the note is cut."""

    COMPONENT_CLASSES = {"section-line--key", "section-line--title", "section-line--here"}

    ALLOW_SELECT = False

    here: reactive[str] = reactive("")
    note: reactive[Text] = reactive(Text)

    def __init__(self, sections: Sequence[tuple[str, str, str]], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._sections = sections

    def render(self) -> Text:
        """One line of exactly the width that there is; each section is a name, a key and a title."""
        width = self.size.width
        key, title, here = (
            self.get_component_rich_style(f"section-line--{part}") for part in ("key", "title", "here")
        )
        text = Text(no_wrap=True)
        for name, letter, words in self._sections:
            click = Style(meta={"@click": f"screen.section('{name}')"})
            text.append(" ").append(letter, key + click)
            text.append(" ").append(words, (here if name == self.here else title) + click).append(" ")
        note = self.note.copy()
        note.truncate(max(0, width - text.cell_len - 1), overflow="ellipsis")
        text.append(" " * (width - text.cell_len - note.cell_len - 1)).append_text(note)
        return text
