"""Every method against published figures on outside ground, over seeds: `robot-learning verify`."""

from robot_learning.verification.grasping import GRASP_ROWS
from robot_learning.verification.model_based import MODEL_ROWS
from robot_learning.verification.outcome import Outcome, judge
from robot_learning.verification.row import Quick, Row
from robot_learning.verification.seed_run import SeedResult, SeedRun, VerificationError
from robot_learning.verification.settings import ROWS, chosen_rows
from robot_learning.verification.tabletop import TABLETOP_ROWS

__all__ = [
    "GRASP_ROWS",
    "MODEL_ROWS",
    "ROWS",
    "TABLETOP_ROWS",
    "Outcome",
    "Quick",
    "Row",
    "SeedResult",
    "SeedRun",
    "VerificationError",
    "chosen_rows",
    "judge",
]
