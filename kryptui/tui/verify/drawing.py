"""How the Verify page writes what it knows: pictures that are chosen, compared pairs, what a verdict rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from kryptui.draw.numerals import number
from kryptui.draw.words import clean, clip_left, line, pad
from kryptui.spans import duration
from kryptui.tui.paths import short, shorten

if TYPE_CHECKING:
    from kryptui.faces.comparing import Compared
    from kryptui.tui.verify.bench import Shown
    from kryptui.tui.verify.looking import Looked

VERDICTS = {True: ("✓ match", "green"), False: ("✗ no match", "red"), None: ("", "")}
"""How a verdict is written, and its colour."""

_KIND = ("one person?", "two people?")
_AND = " and "
_TOLD = 3
_NAMES_LEAST = 12


def name_of(shown: Shown, row: int) -> str:
    """A face's name among those that are shown."""
    if shown.matrix is not None:
        return shown.matrix.names[row]
    assert shown.verified is not None
    names = shown.verified.names
    plain = [Path(name).name for name in names]
    return plain[row] if plain.count(plain[row]) == 1 else "/".join(Path(names[row]).parts[-2:])


def ended_text(shown: Shown) -> Text:
    """How a comparison ended, in a line."""
    result = shown.matrix if shown.matrix is not None else shown.verified
    assert result is not None
    count = len(result.names)
    pairs = count * (count - 1) // 2
    words = f"{count:,} faces, {pairs:,} pair{'' if pairs == 1 else 's'}"
    text = line().append("✓ ", "green").append(words, "bold")
    seconds = shown.seconds
    took = duration(seconds) if seconds >= 1 else f"{seconds:.2f}s"
    left = f", {len(result.problems):,} left out" if result.problems else ""
    return text.append(left, "yellow").append(f"  {took} · {clean(shown.asked.model.name)}", "dim")


def pair_line(shown: Shown, pair: Compared, width: int) -> Text:
    """Two faces in a line: how alike they are, what that means, their names."""
    text = line().append(f"{pair.similarity:6.3f}", "bold")
    if pair.probability is not None:
        text.append("  p ", "dim").append(f"{pair.probability:.3f}")
    if pair.match is not None:
        verdict, style = VERDICTS[pair.match]
        text.append(f"  {pad(verdict, 10)}", style)
    return _both(text.append("  "), shown, pair.first, pair.second, width)


def suspect_line(shown: Shown, place: int, width: int) -> Text:
    """A pair that looks wrong, and what may be wrong with it."""
    first, second, similarity = shown.suspects[place]
    text = line().append(_KIND[place >= len(shown.least_alike)], "dim")
    match = shown.judge.matches(similarity)
    if match is not None:
        verdict, style = VERDICTS[match]
        text.append(f" {verdict[0]}", style)
    return _both(text.append(f"{similarity:6.3f}  ", "bold"), shown, first, second, width)


def _both(text: Text, shown: Shown, first: int, second: int, width: int) -> Text:
    """The names of two faces behind what is said of them; the ends of long names count most."""
    room = max(_NAMES_LEAST, width - text.cell_len - cell_len(_AND))
    names = [clean(name_of(shown, row)) for row in (first, second)]
    one = clip_left(names[0], max(room // 2, room - cell_len(names[1])))
    return text.append(one).append(_AND, "dim").append(clip_left(names[1], room - cell_len(one)))


def pair_text(shown: Shown, first: int, second: int) -> Text:
    """Two faces of a matrix in a few lines."""
    assert shown.matrix is not None
    matrix, judge = shown.matrix, shown.judge
    similarity = float(matrix.values[first, second])
    text = Text()
    for letter, row in zip("ab", dict.fromkeys((first, second)), strict=False):
        text.append(f"{letter} ", "dim").append(clean(matrix.names[row]), "bold").append("\n")
    if first == second:
        return text.append("one picture", "dim")
    text.append(f"{similarity:.3f}", "bold")
    probability = judge.probability(similarity)
    if probability is not None:
        text.append("  p ", "dim").append(f"{probability:.3f}")
    match = judge.matches(similarity)
    if match is not None:
        text.append("  ").append(*VERDICTS[match])
    is_one = matrix.people[first] == matrix.people[second]
    return text.append(f"  {'one person' if is_one else 'two people'} by name", "dim")


def judge_text(shown: Shown, root: Path) -> Text:
    """What verdicts and probabilities rest on, or why there are none; and what was left out."""
    lines: list[Text] = []
    judge = shown.judge
    if judge.threshold is None:
        words = "no verdict: the model brings no threshold; type one (t), or take a checkpoint that was evaluated"
        lines.append(Text().append("! ", "yellow").append(words))
    else:
        source = "typed" if judge.source == "--threshold" else f"the {judge.source}'s own"
        text = (
            Text("a match from ", "dim").append(number(judge.threshold), "bold").append(f" on ({source})", "dim")
        )
        lines.append(text)
    lines += left_out(shown, root)
    if judge.calibration is None:
        words = "no probability: no evaluation of this model with its pairs' scores is on record"
        lines.append(Text().append("! ", "yellow").append(words))
    else:
        words = "p: of one person, were such pairs and others equally many; by the run's evaluation"
        lines.append(Text(words, "dim"))
    return Text("\n").join(lines)


def left_out(shown: Shown, root: Path) -> Iterator[Text]:
    """The pictures that gave no face, some of many."""
    result = shown.matrix if shown.matrix is not None else shown.verified
    problems = [] if result is None else result.problems
    for path, why in problems[:_TOLD]:
        yield Text().append("! ", "yellow").append(f"left out: {clean(shorten(f'{path}: {why}', root))}")
    if len(problems) > _TOLD:
        yield Text().append("! ", "yellow").append(f"left out: {len(problems) - _TOLD} more")


def looked_text(looked: Sequence[Looked], root: Path) -> Text:
    """Each chosen picture with what lies there."""
    text = Text()
    for place, one in enumerate(looked):
        sign, style = ("✗", "red") if one.problem else ("✓", "green")
        text.append("\n" if place else "").append(f"{sign} ", style).append(clean(short(one.path, root)))
        text.append(f"  {one.problem or one.what}", "" if one.problem else "dim")
    return text
