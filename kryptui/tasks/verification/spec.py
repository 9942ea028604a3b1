"""How the registry knows verification; torch-free."""

from kryptui.tasks.registry import TaskSpec
from kryptui.tasks.verification.settings import AnswerSettings, VerificationSettings

SPEC = TaskSpec(
    kind="verification",
    settings=VerificationSettings,
    build="kryptui.tasks.verification.task:BUILDER",
    headline="eer",
    better="lower",
    embeds=True,
    columns=("eer_real", "eer_fake"),
    answer_settings=AnswerSettings,
    check_source="kryptui.tasks.verification.test_data:check_test_tree",
    score="kryptui.tasks.verification.score:score_submission",
    datasets="kryptui.tasks.verification.datasets:DATASETS",
    directions=(
        ("loss", "lower"),
        ("eer_real", "lower"),
        ("eer_fake", "lower"),
        ("eer_contest", "lower"),
        ("auc", "higher"),
        ("tpr_at_fpr_1e-1", "higher"),
        ("tpr_at_fpr_1e-2", "higher"),
        ("tpr_at_fpr_1e-3", "higher"),
    ),
)
