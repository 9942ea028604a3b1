"""Helpers for tests of `kryptui doctor`: a machine that is well, and what is said of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from kryptui.jobs.doctor.asking import Answer
from kryptui.jobs.doctor.finding import Finding
from kryptui.jobs.doctor.probe import Cpu, Gpu, Torch

TORCH = Torch("2.11.0", "13.0", None, 0, None)
CPU = Cpu("cpu, 2 threads, bf16", "bf16", "AVX512", 0.003)
GPU = Gpu(0, "H200", "abc-1", "9.0", 140_000_000_000, 130_000_000_000, "bf16", 0.003)
WELL = {
    "tasks": Answer({"verification": None}),
    "torch": Answer(asdict(TORCH)),
    "cpu": Answer(asdict(CPU)),
    "gpus": Answer([]),
    "pictures": Answer({"difference": 1, "versions": "pillow 13, torchvision 0.26"}),
    "timm": Answer({"models": 1300, "versions": "timm 1.0"}),
    "oml": Answer({"versions": "open-metric-learning 4.0.0"}),
}


def state_and_words(findings: Finding | Sequence[Finding]) -> tuple[str, str]:
    """The state of the worst finding, and all that is said."""
    found = [findings] if isinstance(findings, Finding) else findings
    worst = max((finding.state for finding in found), key=("ok", "note", "problem").index)
    return worst, " ".join(f"{finding.fact} {finding.remedy or ''}" for finding in found)
