"""The line at the bottom: the keys that apply now, as many as fit, none of them cut."""

from __future__ import annotations

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.binding import Binding
from textual.screen import Screen
from textual.widget import Widget

_ALWAYS = (("question_mark", "?", "help"), ("ctrl+p", "^p", "palette"))


class Footer(Widget):
    """Keys and what they do; help and palette, which name the rest, always stand at the right."""

    COMPONENT_CLASSES = {"footer--key", "footer--what"}

    ALLOW_SELECT = False

    def on_mount(self) -> None:
        """Follows the focus: each widget has keys of its own."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, _: Screen[object]) -> None:
        self.refresh()

    def render(self) -> Text:
        """One line of exactly the width that there is."""
        right = Text()
        for key, shown, what in _ALWAYS:
            right.append_text(self._entry(key, shown, what))
        room = self.size.width - right.cell_len
        text = Text(no_wrap=True)
        for key, shown, what in self._keys():
            size = cell_len(shown) + cell_len(what) + 3
            if text.cell_len + size > room:
                break
            text.append_text(self._entry(key, shown, what))
        return text.append(" " * (room - text.cell_len)).append_text(right)

    def _entry(self, key: str, shown: str, what: str) -> Text:
        click = Style(meta={"@click": f"app.simulate_key('{key}')"})
        keys = self.get_component_rich_style("footer--key") + click
        words = self.get_component_rich_style("footer--what") + click
        return Text().append(f" {shown}", keys).append(f" {what} ", words)

    def _keys(self) -> list[tuple[str, str, str]]:
        """Each action once, with all the keys that it has in the binding that is shown."""
        found: dict[str, tuple[Binding, list[str]]] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.show and active.enabled:
                found.setdefault(binding.action, (binding, []))[1].append(binding.key)
        return [
            (keys[0], binding.key_display or "/".join(map(self.app.get_key_display, _bindings(binding, keys))),
             binding.description)
            for binding, keys in found.values()
        ]  # fmt: skip


def _bindings(binding: Binding, keys: list[str]) -> list[Binding]:
    return [Binding(key, binding.action, binding.description) for key in keys]
