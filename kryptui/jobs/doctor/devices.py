"""What computes: torch, the processor and its memory, and the GPUs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial

from kryptui.draw.numerals import size
from kryptui.jobs.doctor.asking import Answer
from kryptui.jobs.doctor.driver import ask_driver, why_none
from kryptui.jobs.doctor.finding import Finding, guarded, note, ok, problem
from kryptui.jobs.doctor.limits import allowed_cores, allowed_memory
from kryptui.jobs.doctor.probe import Cpu, Gpu, Torch
from kryptui.machine import cores

TOLERANCE = {"fp32": 2e-3, "bf16": 2e-2}
"""Of a product of matrices, relative to its largest value; fp32 may be TF32 on a GPU."""

LITTLE_MEMORY = 2e9
_BUSY = 0.1  # of a GPU's memory free, under which somebody else has it
_REINSTALL = "pip install --force-reinstall torch torchvision"


def examine(answers: Mapping[str, Answer], holders: Mapping[str, str]) -> list[Finding]:
    """What the probe's answers mean, and who has which GPU."""
    found = guarded("torch", partial(check_torch, answers["torch"]))
    if answers["torch"].failure is None:
        found += guarded("cpu", partial(check_cpu, answers["cpu"]))
        found += guarded("gpu", partial(check_gpus, answers, holders))
    found += guarded("cores", lambda: check_cores(cores(), os.cpu_count() or 1, allowed_cores()))
    return found + guarded("memory", check_memory)


def check_torch(answer: Answer) -> Finding:
    """Whether torch can be imported, and for what it was built."""
    if answer.failure is not None:
        return problem("torch", f"cannot be used: {answer.failure}", _REINSTALL)
    build = Torch(**answer.facts)
    target = f"CUDA {build.cuda}" if build.cuda else f"ROCm {build.hip}" if build.hip else "the CPU alone"
    return ok("torch", f"{build.version}, built for {target}")


def check_cpu(answer: Answer) -> Finding:
    """Whether the processor multiplies rightly in the precision that kryptui would use."""
    if answer.failure is not None:
        return problem("cpu", f"cannot compute: {answer.failure}", _REINSTALL)
    cpu = Cpu(**answer.facts)
    fact = f"{cpu.label.removeprefix('cpu, ')}, {cpu.instructions}"
    if not cpu.error <= TOLERANCE[cpu.precision]:  # so that not-a-number is wrong too
        wrong = f"{fact}: a product of matrices is wrong by {cpu.error:.2g} of its largest value"
        return problem("cpu", wrong, f"precision: fp32; then {_REINSTALL}; then test the machine's memory")
    return ok("cpu", f"{fact}; multiplies rightly")


def check_cores(usable: int, all_cores: int, allowed: float | None) -> Finding:
    """Whether as many threads run at once as kryptui would start."""
    fact = f"{usable} of {all_cores} usable" if usable != all_cores else f"{usable}"
    if allowed is not None and allowed < usable:
        threads = max(1, int(allowed))
        fact += f", but their time is limited to {allowed:g} cores: more threads than that wait for each other"
        return note("cores", fact, f"-o threads={threads} for training; --threads {threads} elsewhere")
    return ok("cores", f"{fact}; as many threads are used")


def check_memory() -> Finding:
    """Whether there is room for a model and its batches."""
    import psutil  # type: ignore[import-untyped]

    memory = psutil.virtual_memory()
    total, available = memory.total, memory.available
    limit = allowed_memory()
    fact = f"{size(available)} of {size(total)} available"
    if limit is not None and limit < total:
        available = min(available, limit)
        fact += f", limited to {size(limit)}"
    if available < LITTLE_MEMORY:
        return note("memory", fact, "end other programs, or train with a smaller task.batch and model.image_size")
    return ok("memory", fact)


def check_gpus(answers: Mapping[str, Answer], holders: Mapping[str, str]) -> Iterator[Finding]:
    """Each GPU, or why there is none."""
    build = Torch(**answers["torch"].facts)
    if build.gpus == 0:
        yield why_none(build, ask_driver(), os.environ.get("CUDA_VISIBLE_DEVICES"))
    elif answers["gpus"].failure is not None:
        yield problem(
            "gpu", f"cannot be used: {answers['gpus'].failure}", "see nvidia-smi; device: cpu works without"
        )
    else:
        for facts in answers["gpus"].facts:
            yield check_gpu(Gpu(**facts), holders)


def check_gpu(gpu: Gpu, holders: Mapping[str, str]) -> Finding:
    """Whether a GPU multiplies rightly, who has it, and what room it has."""
    subject = f"cuda:{gpu.index}"
    holder = holders.get(f"gpu:{gpu.uuid}")
    fact = f"{gpu.name}, compute capability {gpu.capability}, {gpu.uuid}"
    if gpu.failure is not None:
        lowered = gpu.failure.lower()
        if "no kernel image" in lowered:
            remedy = f"install a torch that was built for compute capability {gpu.capability}"
        elif "out of memory" in lowered or "busy" in lowered:
            remedy = "another program has it: see nvidia-smi; or use another device"
        else:
            remedy = "see nvidia-smi and the system's log; a reboot often helps"
        return problem(subject, f"{fact}: {gpu.failure}", remedy)
    if not gpu.error <= TOLERANCE[gpu.precision]:
        wrong = f"{fact}: a product of matrices is wrong by {gpu.error:.2g} of its largest value"
        return problem(subject, wrong, "do not train on it: have the GPU or its driver replaced")
    fact += f", {gpu.precision}, {size(gpu.free)} of {size(gpu.total)} free"
    if holder is not None:
        return ok(subject, f"{fact}; multiplies rightly; leased by {holder}")
    if gpu.free < gpu.total * _BUSY:
        return note(subject, f"{fact}: programs without a lease have it", "see nvidia-smi; or use another device")
    return ok(subject, f"{fact}; multiplies rightly; nobody has leased it")
