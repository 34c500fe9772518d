"""What the learner remembers: numbered steps, their journal on disk, and the replay buffer."""

from robot_learning.replay.buffer import Batch, ReplayBuffer, RewardFunction
from robot_learning.replay.journal import Cut, Journal
from robot_learning.replay.journal_format import JournalError, JournalHeader, read_steps
from robot_learning.replay.ledger import Arrival, Ledger
from robot_learning.replay.step import Step, StepError, check_step

__all__ = [
    "Arrival",
    "Batch",
    "Cut",
    "Journal",
    "JournalError",
    "JournalHeader",
    "Ledger",
    "ReplayBuffer",
    "RewardFunction",
    "Step",
    "StepError",
    "check_step",
    "read_steps",
]
