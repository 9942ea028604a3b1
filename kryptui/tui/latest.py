"""Work in a thread where only the newest wish counts: what was typed since makes the one before worthless."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from kryptui.errors import KryptuiError

if TYPE_CHECKING:
    from kryptui.tui.app import KryptuiApp

T = TypeVar("T")


class Latest:
    """Does one thing at a time; of those that wait, and of the answers, all but the newest are dropped."""

    def __init__(self, app: KryptuiApp) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._waiting: tuple[Callable[[], Any], Callable[[Any], object], Callable[[str], object]] | None = None
        self._asked = 0
        self._is_working = False

    def ask(self, doing: Callable[[], T], then: Callable[[T], object], failed: Callable[[str], object]) -> None:
        """Has something done, then something with what it gave, or with why it failed, in the drawing thread."""
        with self._lock:
            self._waiting = doing, then, failed
            self._asked += 1
            if not self._is_working:
                self._is_working = True
                threading.Thread(target=self._work, daemon=True).start()

    def forget(self) -> None:
        """Drops what is asked for, also what is being done."""
        with self._lock:
            self._waiting = None
            self._asked += 1

    def _work(self) -> None:
        while True:
            with self._lock:
                if self._waiting is None:
                    self._is_working = False
                    return
                (doing, then, failed), self._waiting, asked = self._waiting, None, self._asked
            try:
                answer, value = then, doing()
            except KryptuiError as error:
                answer, value = failed, str(error)
            except Exception as error:
                self._app.keep_message(traceback.format_exc())
                answer, value = failed, f"an error of the program: {type(error).__name__}: {error}; see Messages"
            self._app.call_soon(self._tell, asked, answer, value)

    def _tell(self, asked: int, answer: Callable[[Any], object], value: Any) -> None:
        if asked == self._asked:
            answer(value)
