"""What stands where in a line of YAML, for its colours."""

from __future__ import annotations

import re
from collections.abc import Iterator

_KEY = re.compile(r"""(?:[\w.:/-]*[\w./-]|'[^']*'|"[^"]*")(?=:(?:\s|$))""")
_TOKEN = re.compile(
    r"""(?P<text>'(?:[^']|'')*'|"(?:[^"\\]|\\.)*")
      |(?P<sign>[\[\]{},]|-(?=\s|$)|[&*]\w+)
      |(?P<number>[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?(?=\s*(?:[,\]}]|$|\s\#)))
      |(?P<word>(?:true|false|null|~)(?=\s*(?:[,\]}]|$|\s\#)))
      |(?P<other>[^\s,\[\]{}]+)
      |(?P<space>\s+)""",
    re.X,
)


def spans(line: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and name of each part that has a colour: key, text, number, word, sign, comment."""
    at, may_be_key = 0, True
    while at < len(line):
        if line[at] == "#" and (at == 0 or line[at - 1].isspace()):
            yield at, len(line), "comment"
            return
        if may_be_key and (key := _KEY.match(line, at)):
            yield at, key.end(), "key"
            yield key.end(), key.end() + 1, "sign"
            at, may_be_key = key.end() + 1, False
            continue
        token = _TOKEN.match(line, at)
        if token is None:
            at += 1
            continue
        kind = str(token.lastgroup)
        if kind not in ("other", "space"):
            yield at, token.end(), kind
        may_be_key = (kind == "space" and may_be_key) or token[0] in ("{", ",", "-")
        at = token.end()
