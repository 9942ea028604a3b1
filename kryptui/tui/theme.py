"""The app's own colours, dark and light, and what the terminal's sixteen names mean in them."""

from __future__ import annotations

from rich.terminal_theme import TerminalTheme
from textual.theme import Theme

DARK = Theme(
    name="kryptui-dark",
    primary="#4ade80",
    secondary="#38bdf8",
    accent="#c084fc",
    warning="#facc15",
    error="#f87171",
    success="#4ade80",
    foreground="#d7dde5",
    background="#0d1117",
    surface="#0d1117",
    panel="#161b22",
    boost="#1f2630",
    dark=True,
    variables={
        "border": "#2d3640",
        "muted": "#8b96a3",
        "input-selection-background": "#4ade80 30%",
        "block-cursor-background": "#1b4332",
        "block-cursor-foreground": "#ecfdf5",
        "block-cursor-text-style": "none",
    },
)

LIGHT = Theme(
    name="kryptui-light",
    primary="#15803d",
    secondary="#0369a1",
    accent="#7e22ce",
    warning="#a16207",
    error="#b91c1c",
    success="#15803d",
    foreground="#1f2933",
    background="#fbfcfd",
    surface="#fbfcfd",
    panel="#eef1f4",
    boost="#e3e8ed",
    dark=False,
    variables={
        "border": "#c5ced6",
        "muted": "#5b6772",
        "input-selection-background": "#15803d 30%",
        "block-cursor-background": "#c9efd6",
        "block-cursor-foreground": "#06341a",
        "block-cursor-text-style": "none",
    },
)

_NORMAL = ((45, 54, 64), (248, 113, 113), (74, 222, 128), (250, 204, 21), (96, 165, 250), (216, 140, 252),
           (56, 210, 235), (215, 221, 229))  # fmt: skip
_BRIGHT = ((99, 110, 123), (252, 165, 165), (134, 239, 172), (253, 224, 71), (147, 197, 253), (233, 181, 254),
           (103, 232, 249), (255, 255, 255))  # fmt: skip
_NORMAL_ON_LIGHT = ((31, 41, 51), (185, 28, 28), (21, 128, 61), (146, 94, 6), (29, 78, 216), (134, 25, 143),
                    (14, 116, 144), (91, 103, 114))  # fmt: skip
_BRIGHT_ON_LIGHT = ((140, 150, 160), (220, 38, 38), (22, 163, 74), (180, 120, 10), (37, 99, 235), (162, 28, 175),
                    (8, 145, 178), (31, 41, 51))  # fmt: skip

NAMES_ON_DARK = TerminalTheme((13, 17, 23), (215, 221, 229), list(_NORMAL), list(_BRIGHT))
"""Drawings name colours of the terminal's palette; on the dark theme they mean these."""

NAMES_ON_LIGHT = TerminalTheme((251, 252, 253), (31, 41, 51), list(_NORMAL_ON_LIGHT), list(_BRIGHT_ON_LIGHT))
"""And these on the light one."""
