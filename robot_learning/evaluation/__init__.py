"""The fixed evaluation protocol and its figures."""

from robot_learning.evaluation.episodes import Episode, EpisodeTracker, Evaluation
from robot_learning.evaluation.statistics import wilson_interval

__all__ = ["Episode", "EpisodeTracker", "Evaluation", "wilson_interval"]
