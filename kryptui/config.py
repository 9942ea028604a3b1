"""A run's configuration: its fields, and how it is loaded, overridden, checked and saved.

The general part lives here; each task adds its own under `task` (see `tasks.registry`). Never imports torch.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
)

from kryptui import config_errors, yaml_text
from kryptui.config_errors import ConfigError, refusal
from kryptui.errors import InputError, nearest
from kryptui.preprocess import Colour, Interpolation, Template


class Settings(BaseModel):
    """A block of configuration: unknown keys and values of the wrong type are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class TaskSettings(Settings):
    """What every task's part has; a task subclasses it with fields of its own."""

    per_stage: ClassVar[frozenset[str]] = frozenset()
    """Names of the fields that a stage may change by `set`."""
    reads: ClassVar[frozenset[str] | None] = None
    """Names of the fields that decide which data are read, and how; None: all of them may."""
    dataset: ClassVar[str | None] = None
    """Name of the field that takes a dataset's folder or file; None where there is none."""

    kind: str


_INTERVAL = re.compile(r"([1-9][0-9]{0,8}) (steps?|epochs?|s|min|h)")


def _check_interval(text: Any) -> Any:
    if not isinstance(text, str) or not _INTERVAL.fullmatch(text):
        raise ValueError("must be a count and a unit, such as 200 steps, 1 epoch, 30 s, 10 min or 1 h")
    return text


def _check_cadence(text: Any) -> Any:
    if not isinstance(text, str) or not _INTERVAL.fullmatch(text) or split_interval(text)[1] == "s":
        raise ValueError("must count steps or epochs (so that it is the same on every machine), such as 1 epoch")
    return text


def split_interval(text: str) -> tuple[int, str]:
    """An interval's count and unit, the unit being step, epoch or s (minutes and hours become seconds)."""
    match = _INTERVAL.fullmatch(text)
    assert match is not None, "intervals are checked when the configuration is read"
    count, unit = int(match[1]), match[2].removesuffix("s") or "s"
    return count * {"min": 60, "h": 3600}.get(unit, 1), "s" if unit in ("min", "h") else unit


Interval = Annotated[str, BeforeValidator(_check_interval)]
Cadence = Annotated[str, BeforeValidator(_check_cadence)]


def words_or_block(value: Any) -> str:
    """Discriminates `auto`, a path and the like from a block of settings."""
    return "block" if isinstance(value, dict | BaseModel) else "words"


def _check_device(text: Any) -> Any:
    if not isinstance(text, str) or not re.fullmatch(r"auto|cpu|cuda(:[0-9]{1,3})?", text):
        raise ValueError("must be auto, cpu, cuda or cuda:N, N being the number of a GPU")
    return text


def _check_name(text: str) -> str:
    if not text.isprintable() or "/" in text or text != text.strip():
        raise ValueError("must be printable text on one line, without '/' and without spaces at its ends")
    return text


def _check_stage_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]+", text):
        raise ValueError("must consist of letters, digits and . _ - only")
    return text


Text = Annotated[str, Field(min_length=1)]
Triple = Annotated[list[float], Field(min_length=3, max_length=3)]
PositiveTriple = Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=3, max_length=3)]


class PreprocessingSettings(Settings):
    """What replaces the backbone's own preprocessing, field by field; null keeps the backbone's."""

    mean: Triple | None = Field(None, description="mean of each colour on the scale 0 to 1")
    std: PositiveTriple | None = Field(None, description="standard deviation of each colour, likewise")
    crop: float | None = Field(None, gt=0, le=1, description="share of the shorter side kept by the centre crop")
    interpolation: Interpolation | None = Field(None, description="how pictures are resized")
    colour: Colour | None = Field(None, description="order of the colours that the model expects")
    template: Literal[Template, "none"] | None = Field(
        None, description="where the points of an aligned face lie; none: faces are not aligned"
    )


class ModelSettings(Settings):
    """The network that turns a picture into features."""

    backbone: Text = Field(
        description="any of timm's, or facenet, iresnet18 to 100, mobilefacenet", examples=["resnet18"]
    )
    pretrained: bool = Field(False, description="start from the weights that timm's hub has for it")
    weights: Text | None = Field(None, description="start from a local file instead: a state dict or a checkpoint")
    image_size: int | None = Field(None, ge=16, le=2048, description="side in pixels; null: the backbone's own")
    preprocessing: Annotated[
        Annotated[Literal["auto"], Tag("words")] | Annotated[PreprocessingSettings, Tag("block")],
        Discriminator(words_or_block),
    ] = Field("auto", description="auto: the backbone's own; else what differs from it")


class OptimizerSettings(Settings):
    """How gradients become steps."""

    kind: Literal["adamw", "adam", "sgd"] = Field("adamw", description="how a step is made of the gradients")
    weight_decay: float = Field(0.0, ge=0, description="how far weights are drawn to zero")
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd")
    clip: float | None = Field(None, gt=0, description="largest norm of the gradient; null: not clipped")
    accumulate: int = Field(1, ge=1, description="batches whose gradients make one step")


class ScheduleSettings(Settings):
    """The learning rate over a stage, counted in optimizer steps, never in epochs."""

    kind: Literal["constant", "step", "cosine"] = Field("constant", description="how the rate falls after warmup")
    warmup: int = Field(0, ge=0, description="steps of linear rise from zero")
    every: int = Field(1000, ge=1, description="step: steps between two falls")
    factor: float = Field(0.1, gt=0, lt=1, description="step: what the rate is multiplied by at a fall")
    final: float = Field(0.0, ge=0, lt=1, description="cosine: share of the rate that is left at the end")


class StageSettings(Settings):
    """A part of the run with its own length, learning rate and changes."""

    name: Annotated[str, AfterValidator(_check_stage_name)] = Field(description="no two stages share one")
    epochs: int = Field(ge=1, description="how often the data are gone through")
    lr: float = Field(gt=0, description="the learning rate, before its schedule")
    start: Literal["best", "last"] = Field("best", description="which weights of the stage before to go on from")
    schedule: ScheduleSettings = ScheduleSettings()
    set: dict[str, Any] = Field({}, description="settings that differ in this stage, such as task.losses.0.mining")


class EvaluateSettings(Settings):
    """When the model is measured, and when it has stopped getting better."""

    every: Cadence = Field("1 epoch", description="steps or epochs between two", examples=["1 epoch", "500 steps"])
    patience: int | None = Field(None, ge=1, description="evaluations without a new best that end a stage")
    at_start: bool = Field(True, description="measure the untrained model too")


class CheckpointSettings(Settings):
    """When the run is saved, and how many of its checkpoints are kept beside the best."""

    every: Interval = Field(
        "10 min", description="steps, epochs or time between two", examples=["10 min", "1 epoch"]
    )
    keep: int = Field(2, ge=1, description="how many of the latest stay on disk")


class LogSettings(Settings):
    """How dense the curves are."""

    every: int = Field(20, ge=1, description="steps between two points; the device is waited for at each")


Task = TypeVar("Task", bound=TaskSettings)


class RunConfig(Settings, Generic[Task]):
    """Everything that decides a run's result."""

    name: Annotated[str, AfterValidator(_check_name)] = Field(
        min_length=1, max_length=100, description="what the run is called in lists; need not be unique"
    )
    seed: int = Field(0, ge=0, lt=2**31, description="of all random numbers of the training")
    device: Annotated[str, BeforeValidator(_check_device)] = Field(
        "auto", description="auto: a GPU where there is one, else the processor", examples=["auto", "cpu", "cuda"]
    )
    precision: Literal["auto", "fp32", "bf16"] = Field("auto", description="auto: bf16 where the device has it")
    threads: int | None = Field(None, ge=1, le=256, description="processor threads; null: one a core")
    channels_last: bool = Field(True, description="images' channels last in memory: mostly, not always, faster")
    compile: bool = Field(False, description="torch.compile the model: slow to start, then faster on a GPU")
    model: ModelSettings | None = Field(None, description="left out by tasks that bring a network of their own")
    optimizer: OptimizerSettings = OptimizerSettings()
    stages: list[StageSettings] = Field(min_length=1, description="parts of the run, one after the other")
    evaluate: EvaluateSettings = EvaluateSettings()
    checkpoint: CheckpointSettings = CheckpointSettings()
    log: LogSettings = LogSettings()
    task: Task


AnyConfig = RunConfig[Any]
TaskLookup = Callable[[str], type[TaskSettings]]


def load(source: Path, task_settings: TaskLookup, overrides: Sequence[str] = ()) -> AnyConfig:
    """The configuration in a YAML file, with `-o key=value` overrides; raises InputError for anything wrong."""
    data, lines = yaml_text.parse_file(source)
    return check(data, str(source), task_settings, overrides, lines)


def check(
    data: Any,
    source: str,
    task_settings: TaskLookup,
    overrides: Sequence[str] = (),
    lines: dict[yaml_text.Place, int] | None = None,
) -> AnyConfig:
    """A configuration from plain types; raises ConfigError that names source, line, place, value and remedy."""
    if not isinstance(data, dict):
        problem = f"must hold settings such as 'name: my-run', not {config_errors.show(data)}"
        raise refusal({(): problem}, config_errors.Origin(source))
    data = _own_copy(data)
    overridden = dict(_override(data, text, source) for text in overrides)
    origin = config_errors.Origin(source, lines or {}, overridden)
    model: type[AnyConfig] = RunConfig.__class_getitem__(_task_model(data, origin, task_settings))  # type: ignore[assignment]
    try:
        config: AnyConfig = model.model_validate(data)
    except ValidationError as error:
        raise refusal(config_errors.problems_of(error, model), origin) from None
    names = [stage.name for stage in config.stages]
    for index, stage in enumerate(config.stages):
        if stage.name in names[:index]:
            problem = f"{stage.name!r} is the name of another stage; rename one"
            raise refusal({("stages", index, "name"): problem}, origin)
        at_stage(config, index, origin.of(("stages", index, "set")))
    return config


def _task_model(
    data: dict[str, Any], origin: config_errors.Origin, task_settings: TaskLookup
) -> type[TaskSettings]:
    """The settings of the task that the configuration names; everything else is checked after this."""
    task = data.get("task")
    if not isinstance(task, dict):
        problem = f"{config_errors.show(task)} is not a block with kind" if "task" in data else "is missing"
        raise refusal({("task",): f"{problem}; it begins with a line 'kind: verification'"}, origin)
    kind = task.get("kind")
    if not isinstance(kind, str):
        problem = f"{config_errors.show(kind)} is not the name of a task" if "kind" in task else "is missing"
        raise refusal({("task", "kind"): f"{problem}; it must name one, such as verification"}, origin)
    try:
        return task_settings(kind)
    except InputError as error:
        raise refusal({("task", "kind"): str(error).removeprefix("task.kind: ")}, origin) from None


def _own_copy(value: Any) -> Any:
    """Plain types with nothing shared: an alias in YAML must not carry an override to its other places."""
    if isinstance(value, dict):
        return {key: _own_copy(item) for key, item in value.items()}
    return [_own_copy(item) for item in value] if isinstance(value, list) else value


def at_stage(config: AnyConfig, index: int, source: str = "configuration") -> AnyConfig:
    """The configuration as stage `index` sees it; raises ConfigError where its `set` changes what it may not."""
    if not config.stages[index].set:
        return config
    try:
        return _changed_at(config, index, source)
    except InputError as error:
        problem = str(error).removeprefix(f"{source}: stages.{index}.set: ")
        raise ConfigError(str(error), {("stages", index, "set"): problem}) from None


def _changed_at(config: AnyConfig, index: int, source: str) -> AnyConfig:
    data = to_plain(config)
    for key, value in config.stages[index].set.items():
        where = f"{source}: stages.{index}.set: {config_errors.printable(key)}"
        allowed = sorted({"optimizer"} | {f"task.{name}" for name in config.task.per_stage})
        if not any(key == name or key.startswith(f"{name}.") for name in allowed):
            hint = nearest(".".join(key.split(".")[:2]), allowed, 1)
            raise InputError(f"{where}: cannot change between stages{hint} (these can: {', '.join(allowed)})")
        _set(data, key.split("."), _own_copy(value), where)
    try:
        return type(config).model_validate(data)
    except ValidationError as error:
        origin = config_errors.Origin(f"{source}: stages.{index}.set")
        raise InputError(config_errors.describe(error, type(config), origin)) from None


def to_plain(config: AnyConfig) -> dict[str, Any]:
    """The whole configuration, defaults included, as plain types."""
    return config.model_dump(mode="json")


def to_yaml(config: AnyConfig) -> str:
    """The whole configuration as YAML text that `load` reads back as its equal."""
    return yaml_text.dump(to_plain(config))


def digest(config: AnyConfig) -> str:
    """A short hash of everything in the configuration but its name."""
    data = {key: value for key, value in to_plain(config).items() if key != "name"}
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]


def _override(data: dict[str, Any], text: str, source: str) -> tuple[yaml_text.Place, str]:
    """Applies `key=value`; returns the place that it set, and the words that name the override in errors."""
    words = f"-o {config_errors.printable(text)}"
    key, equals, value = text.partition("=")
    keys = key.strip().split(".")
    if not equals or not all(keys):
        raise InputError(f"{source}: {words}: must be key=value, such as -o stages.0.lr=3e-4")
    if keys[0] == "stages" and keys[2:3] == ["set"] and len(keys) > 3:
        keys = [*keys[:3], ".".join(keys[3:])]  # what a stage sets is one key, dots and all
    parsed, _ = yaml_text.parse(value, f"{source}: {words}")
    return _set(data, keys, parsed, f"{source}: {words}"), words


def _set(data: Any, keys: list[str], value: Any, where: str) -> yaml_text.Place:
    """Puts `value` at a dotted place; blocks that are absent, null or `auto` begin empty."""
    at: Any = data
    place: list[str | int] = []
    for depth, key in enumerate(keys):
        last = depth == len(keys) - 1
        if isinstance(at, list):
            known = [str(number) for number in range(len(at))]
            if key not in known:
                entries = f"it has {', '.join(known)}" if known else "it is empty"
                raise InputError(f"{where}: {config_errors.dotted(tuple(place))} has no entry {key!r}; {entries}")
            index: str | int = int(key)
        elif isinstance(at, dict):
            index = key
        else:
            here = config_errors.dotted(tuple(place))
            raise InputError(f"{where}: {here} is {config_errors.show(at)}, which has no settings such as {key!r}")
        place.append(index)
        if last:
            at[index] = value
        else:
            if isinstance(at, dict) and at.get(key) in (None, "auto"):
                at[key] = {}
            at = at[index]
    return tuple(place)


def preset_names() -> list[str]:
    """The names of the configurations that ship with the package."""
    return sorted(path.stem for path in _presets().glob("*.yaml"))


def preset_path(name: str) -> Path:
    """The file of a preset; raises InputError with the nearest names for an unknown one."""
    path = _presets() / f"{name}.yaml"
    if name not in preset_names():
        raise InputError(
            f"{name}: is neither a file nor a preset{nearest(name, preset_names())} "
            f"(presets: {', '.join(preset_names())})"
        )
    return path


def find(text: str) -> Path:
    """The file that a command's CFG argument means: a path, or the name of a preset."""
    path = Path(text)
    return path if path.suffix in (".yaml", ".yml") or path.is_file() else preset_path(text)


def _presets() -> Path:
    return Path(__file__).parent / "presets"
