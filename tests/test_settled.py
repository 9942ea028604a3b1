"""What modules brought is out of the collector's sight once, and again only when more are loaded."""

from __future__ import annotations

import gc
import sys
import types

import pytest

from kryptui import settled


@pytest.fixture(autouse=True)
def thawed():
    yield
    gc.unfreeze()


def test_what_is_there_is_looked_through_no_more(monkeypatch):
    monkeypatch.setattr(settled, "_known", 0)
    gc.unfreeze()
    settled.settle()
    assert gc.get_freeze_count() > 10_000


def test_nothing_is_taken_out_unless_modules_were_loaded(monkeypatch):
    settled.settle()
    before = gc.get_freeze_count()
    kept = [[] for _ in range(1000)]
    settled.settle()
    assert gc.get_freeze_count() <= before
    monkeypatch.setitem(sys.modules, "kryptui_of_a_test", types.ModuleType("kryptui_of_a_test"))
    settled.settle()
    assert gc.get_freeze_count() >= before + len(kept)
