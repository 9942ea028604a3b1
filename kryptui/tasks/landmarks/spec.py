"""How the registry knows landmarks; torch-free."""

from kryptui.preprocess import POINTS
from kryptui.tasks.landmarks.settings import AnswerSettings, LandmarkSettings
from kryptui.tasks.registry import TaskSpec

SPEC = TaskSpec(
    kind="landmarks",
    settings=LandmarkSettings,
    build="kryptui.tasks.landmarks.task:BUILDER",
    headline="nme",
    better="lower",
    takes_model=False,
    columns=("failure_rate",),
    answer_settings=AnswerSettings,
    check_source="kryptui.tasks.landmarks.pictures:check_pictures",
    datasets="kryptui.tasks.landmarks.datasets:DATASETS",
    directions=(
        ("loss", "lower"),
        ("loss_last", "lower"),
        ("failure_rate", "lower"),
        ("auc", "higher"),
        *((f"nme_{point}", "lower") for point in POINTS),
    ),
)
