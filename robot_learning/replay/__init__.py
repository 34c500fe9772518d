"""What the learner remembers: numbered steps, their journal on disk, and the replay buffer."""

from robot_learning.replay.batch import Batch
from robot_learning.replay.buffer import Replay, ReplayBuffer, RewardFunction
from robot_learning.replay.journal import Cut, Journal
from robot_learning.replay.journal_format import JournalError, JournalHeader, read_steps
from robot_learning.replay.ledger import Arrival, Ledger
from robot_learning.replay.n_step import NStep
from robot_learning.replay.prioritised import Priorities, PrioritisedReplay
from robot_learning.replay.step import Step, StepError, check_step, interventions
from robot_learning.replay.symmetric import SymmetricReplay

__all__ = [
    "Arrival",
    "Batch",
    "Cut",
    "Journal",
    "JournalError",
    "JournalHeader",
    "Ledger",
    "NStep",
    "Priorities",
    "PrioritisedReplay",
    "Replay",
    "ReplayBuffer",
    "RewardFunction",
    "Step",
    "StepError",
    "SymmetricReplay",
    "check_step",
    "interventions",
    "read_steps",
]
