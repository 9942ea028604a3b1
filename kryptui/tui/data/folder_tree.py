"""A tree of folders, read level by level in threads; what looks like a dataset says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.style import Style
from rich.text import Text
from textual import on
from textual.binding import Binding
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Tree
from textual.widgets.tree import TreeNode

from kryptui.draw.words import clean
from kryptui.tui.data.folders import FIRST, Entry, Listing
from kryptui.tui.paths import completions

if TYPE_CHECKING:
    from kryptui.tui.app import KryptuiApp

MARK = "◆"
"""Stands before what looks like a dataset."""

Look = Callable[[Path, int], Listing]
"""Lists a folder, so many levels of it; called in a thread."""


class FolderTree(Tree[Entry | None]):
    """Folders below one; enter opens a dataset, or a folder that is none."""

    BINDINGS = [
        Binding("up,k", "cursor_up", "Up", show=False),
        Binding("down,j", "cursor_down", "Down", show=False),
        Binding("right,l", "open_node", "Unfold", show=False, tooltip="unfold the folder, a dataset too"),
        Binding("left,h", "close_node", "Fold", show=False, tooltip="fold the folder, or go to the one around it"),
        Binding("backspace,u", "up", "Above", key_display="u", tooltip="the folder above, as the top of the tree"),
    ]

    COMPONENT_CLASSES = {"folder-tree--mark", "folder-tree--dim"}

    app: KryptuiApp

    @dataclass
    class Wanted(Message):
        """A dataset is to be opened."""

        path: Path

    @dataclass
    class Listed(Message):
        """A new top was read."""

        listing: Listing

    def __init__(self, look: Look, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__("", id=id, classes=classes)
        self._look = look
        self._top = Path()
        self.guide_depth = 3
        self.auto_expand = False

    @property
    def top(self) -> Path:
        """The folder that the tree shows."""
        return self._top

    def show(self, top: Path) -> None:
        """Shows another folder, from the disk."""
        self._top = top
        self.app.act(lambda: self._look(top, 2), lambda listing: self._take_top(top, listing))

    def _take_top(self, top: Path, listing: Listing) -> None:
        if top != self._top:
            return
        self.reset(Text(clean(top.name or str(top))), Entry(top, "", True))
        self._fill(self.root, listing)
        self.root.expand()
        marked = next((node for node in _below(self.root) if node.data is not None and node.data.kind), self.root)
        self.call_after_refresh(self.move_cursor, marked)
        self.post_message(self.Listed(listing))

    def _fill(self, node: TreeNode[Entry | None], listing: Listing) -> None:
        for entry in listing.entries:
            child = node.add(Text(clean(entry.path.name)), entry, allow_expand=entry.is_folder)
            if entry.inside is not None:
                self._fill(child, entry.inside)
                if entry.inside.has_dataset or (entry.path.name == FIRST and entry.inside.entries):
                    child.expand()
        note = listing.problem or (f"… and {listing.more:,} more; type the path" if listing.more else "")
        if note or not listing.entries:
            node.add_leaf(Text(note or "no folders"), None)

    def render_label(self, node: TreeNode[Entry | None], base_style: Style, style: Style) -> Text:
        """The name, and what it looks like."""
        entry = node.data
        label = node.label.plain if isinstance(node.label, Text) else str(node.label)
        if entry is None and not node.is_root:
            dim = self.get_component_rich_style("folder-tree--dim", partial=True)
            return Text(label, base_style + dim + style)
        is_folder = entry is not None and entry.is_folder
        text = Text(f"{label}/" if is_folder else label, base_style + style, no_wrap=True)
        if entry is not None and entry.kind:
            mark = self.get_component_rich_style("folder-tree--mark", partial=True)
            text.append(f"  {MARK} {entry.kind}", base_style + mark + style)
        return text

    # Keys

    def on_tree_node_expanded(self, event: Tree.NodeExpanded[Entry | None]) -> None:
        """Reads a level when it is first unfolded."""
        node = event.node
        entry = node.data
        if entry is not None and not node.children:
            self.app.act(lambda: self._look(entry.path, 0), lambda listing: self._fill_late(node, listing))

    def _fill_late(self, node: TreeNode[Entry | None], listing: Listing) -> None:
        if not node.children:
            self._fill(node, listing)

    @on(Tree.NodeSelected)
    def _selected(self, event: Tree.NodeSelected[Entry | None]) -> None:
        event.stop()
        entry = event.node.data
        if entry is not None and entry.kind:
            self.post_message(self.Wanted(entry.path))
        else:
            event.node.toggle()

    def action_open_node(self) -> None:
        """Unfolds, or goes to the first one inside."""
        node = self.cursor_node
        if node is None or not node.allow_expand:
            return
        if node.is_expanded and node.children:
            self.move_cursor(node.children[0])
        else:
            node.expand()

    def action_close_node(self) -> None:
        """Folds, or goes to the folder around it."""
        node = self.cursor_node
        if node is None:
            return
        if node.is_expanded and not node.is_root:
            node.collapse()
        elif node.parent is not None:
            self.move_cursor(node.parent)

    def action_up(self) -> None:
        """Shows the folder above."""
        self.show(self._top.parent)


def _below(node: TreeNode[Entry | None]) -> list[TreeNode[Entry | None]]:
    """All nodes that are unfolded, from top to bottom."""
    found = []
    for child in node.children:
        found.append(child)
        if child.is_expanded:
            found += _below(child)
    return found


class _Paths(Suggester):
    def __init__(self, root: Callable[[], Path]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._root = root

    async def get_suggestion(self, value: str) -> str | None:
        """Reads the folder in a thread: it may lie on a slow disk."""
        if not value:
            return None
        found = await asyncio.to_thread(completions, value, self._root(), (".csv",), 2)
        return next((text for text in found if text != value), None)


class DatasetInput(Input):
    """A path, completed as it is typed; tab or the right arrow takes what is offered."""

    BINDINGS = [
        Binding("tab", "take", "Complete", tooltip="take the path that is offered"),
        Binding("escape", "leave", "Back", tooltip="back to the tree"),
    ]

    @dataclass
    class Left(Message):
        """Nothing is to be typed any more."""

    def __init__(self, root: Callable[[], Path], placeholder: str, *, id: str | None = None) -> None:
        super().__init__(placeholder=placeholder, suggester=_Paths(root), id=id)

    def action_take(self) -> None:
        """Takes what is offered, else leaves the field."""
        if self._suggestion and self.cursor_at_end:
            self.action_cursor_right()
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """The keys act on the page again."""
        self.post_message(self.Left())
