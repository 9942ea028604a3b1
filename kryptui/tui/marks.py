"""The runs that are marked for comparing, in the order in which they were: it gives each its colour and marker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kryptui.draw.words import COLOURS, MARKERS


class Marks:
    """Marked runs by id. A run keeps its place, and so its looks, until it is unmarked."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._places, key=self._places.__getitem__))

    def toggle(self, run_id: str) -> bool:
        """Marks a run or takes its mark away; whether it could: only so many can be told apart."""
        if self._places.pop(run_id, None) is not None:
            return True
        free = next((place for place in range(len(MARKERS)) if place not in self._places.values()), None)
        if free is None:
            return False
        self._places[run_id] = free
        return True

    def clear(self) -> None:
        """Takes all marks away."""
        self._places.clear()

    def drop(self, run_ids: Iterable[str]) -> None:
        """Takes the marks of these runs away, as of deleted ones."""
        for run_id in run_ids:
            self._places.pop(run_id, None)

    def looks(self, run_id: str) -> tuple[str, str]:
        """The marker of a run and the name of its colour; of a run that is not marked, the first ones."""
        place = self._places.get(run_id, 0)
        return MARKERS[place], COLOURS[place % len(COLOURS)]
