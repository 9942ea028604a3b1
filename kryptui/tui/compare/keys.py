"""What the Compare page says of itself: its help, its keys, and which of them apply."""

from __future__ import annotations

from textual.binding import Binding, BindingType

EMPTY = """no runs on record yet

  3   configure one and launch it, from a preset
  2   inspect and prepare a dataset first

Two runs or more can be compared, also while they train."""
"""Where there is nothing to compare."""

HELP = """
The marked runs in their order. A run keeps its marker and colour on every page.
One of them is the baseline, which differences are measured against: b chooses it.
Keys act on the run under the cursor ▸; tab goes on to the next pane, arrows scroll it.

★ is the best of its kind; an evaluation that was asked for by hand never is.
Figures are those of each run's best evaluation, with t of its last."""
"""What the page is for, beside its keys."""

SECTIONS = (
    ("curves", "c", "Curves"),
    ("metrics", "m", "Metrics"),
    ("settings", "s", "Settings"),
    ("figures", "e", "Evaluation"),
    ("pictures", "p", "Pictures"),
)
"""The parts of a comparison: the id of the pane, its key, its title."""

_KEYS = [
    Binding("right_square_bracket", "metric(1)", "Metric", key_display="[ ]", tooltip="draw the next metric"),
    Binding("left_square_bracket", "metric(-1)", "Metric", show=False, key_display="[", tooltip="the one before"),
    Binding("a", "axis", "Axis", tooltip="curves by step, by epoch, or by time of running"),
    Binding("l", "log", "Log", tooltip="a logarithmic scale"),
    Binding("plus,equals_sign", "smooth(1)", "Smooth", key_display="+ -", tooltip="smooth the curves more"),
    Binding("minus", "smooth(-1)", "Less", show=False, key_display="-", tooltip="smooth the curves less"),
    Binding("right", "cursor(1)", "Read", key_display="← →", tooltip="read all values at a place; esc ends it"),
    Binding("left", "cursor(-1)", "Read", show=False, tooltip="the place before"),
    Binding("shift+right", "cursor(10)", "Read", show=False, tooltip="ten places on"),
    Binding("shift+left", "cursor(-10)", "Read", show=False, tooltip="ten places back"),
    Binding("t", "which", "Best/last", tooltip="figures of each run's best evaluation, or of its last"),
    Binding("n", "sheet(1)", "Pictures", tooltip="the next kind of pictures"),
    Binding("N", "sheet(-1)", "Before", show=False, tooltip="the kind of pictures before"),
    Binding("d", "all_settings", "All", tooltip="all settings, or only those that differ"),
    Binding("h", "around", "Ran on", tooltip="also what they ran on: host, versions, code"),
    Binding("b", "baseline", "Baseline", tooltip="measure differences against this run"),
    Binding("x", "export", "Export", tooltip="the comparison or its curves as a table, the screen as SVG"),
    Binding("o", "choose", "Choose", tooltip="choose other runs to compare"),
    Binding("space", "unmark", "Unmark", tooltip="take the run out of the comparison"),
    Binding("z", "zoom(0.5)", "Zoom", tooltip="half as much of the curves, about what is read"),
    Binding("Z", "zoom(2)", "Zoom out", show=False, tooltip="twice as much of the curves"),
    Binding("f", "full", "Full", tooltip="the pane at hand alone, or all of them"),
    Binding("v", "choose_metric", "Metrics", show=False, tooltip="choose the metric to draw from a list"),
    Binding("K,shift+up", "order(-1)", "Move up", show=False, tooltip="this run before the one above it"),
    Binding("J,shift+down", "order(1)", "Move down", show=False, tooltip="this run behind the one below it"),
    Binding("enter", "open", "Live", show=False, tooltip="watch the run on Live"),
    Binding("r", "legend", "Runs", show=False, tooltip="to the list of the compared runs"),
    Binding("escape", "leave", "Back", show=False, tooltip="end reading, then zooming, then the pane alone"),
    *(
        Binding(key, f"section('{name}')", title, show=False, tooltip=f"{title.lower()} of the compared runs")
        for name, key, title in SECTIONS
    ),
]  # fmt: skip

KEYS: list[BindingType] = [*_KEYS]
"""Those that are wanted most stand first, as the footer has no room for all."""

_OF_CURVES = {"metric", "axis", "log", "smooth", "cursor", "zoom"}
_OF_SECTIONS = {
    "curves": _OF_CURVES,
    "metrics": {"metric"},
    "settings": {"all_settings", "around"},
    "figures": {"which"},
    "pictures": {"sheet", "which"},
}
_OF_ONE_SECTION = set[str]().union(*_OF_SECTIONS.values())
_ACTIONS = {binding.action.partition("(")[0] for binding in _KEYS} - {"leave"}


def applies(action: str, section: str, *, comparing: bool, all_in_sight: bool) -> bool:
    """Whether an action means something now: a section has keys of its own where it is seen alone."""
    if action not in _ACTIONS:
        return True
    if not comparing:
        return False
    return action not in _OF_ONE_SECTION or all_in_sight or action in _OF_SECTIONS[section]
