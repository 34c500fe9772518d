"""A training run: collecting, labelling, updating; and what it leaves in its folder.

```
DIR/config.yaml                   the resolved settings
DIR/log/shard-*.npz               every episode it collected
DIR/checkpoint/                   what --resume goes on from, beside the log
DIR/grasp_policy.safetensors      the policy
DIR/metrics.jsonl, tensorboard/   figures, a row for every shard
```
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from robot_learning.grasping.episode import GraspEpisode
from robot_learning.grasping.learner import GraspLearner
from robot_learning.grasping.log import GraspLog
from robot_learning.grasping.settings import GraspHyperParameters
from robot_learning.grasping.turns import Turns
from robot_learning.grasping.workers import Collectors, Labellers
from robot_learning.grasping.world import World
from robot_learning.training.checkpoint import load_checkpoint, require_same_run, save_checkpoint
from robot_learning.training.interrupt import Interrupted, StopRequest
from robot_learning.training.metrics import MetricsWriter
from robot_learning.training.run_directory import RunDirectory

SHARD_EPISODES = 50
"""Episodes between two shards of the log, two checkpoints and two policies for the collectors."""
SAVE_UPDATES = 2_000
"""Updates after which a checkpoint is written at the latest."""
_UPDATES_AT_ONCE = 20  # before the robots are looked at again
_WAIT_S = 0.05
BEHIND_UPDATES_MAX = 500
"""Updates that may be due while episodes are asked for: a policy acts that has learned."""
FIRST_UPDATES = 3_000
"""Of those due for logs, done before a robot acts; the others are spread over its episodes.

What a log does not show is thought good until somebody tries it: the sooner, the better.
"""
View = Callable[[Mapping[str, Any], bool], None]


@dataclass(frozen=True, slots=True)
class GraspPlan:
    """What a run does.

    Attributes:
        episodes: to collect.
        scripted_episodes: of them before the policy acts at all.
        seed: of everything.
    """

    episodes: int
    scripted_episodes: int
    seed: int = 0


class GraspRun:
    """One run in its folder.

    Attributes:
        learner: of the run.
        log: of the run's own episodes.
        warnings: damaged shards that were left out; a line each.
    """

    def __init__(
        self,
        world: World,
        hyper: GraspHyperParameters,
        plan: GraspPlan,
        directory: RunDirectory,
        *,
        offline: Sequence[Path] = (),
        resume: bool = False,
    ) -> None:
        """Begins a run, or goes on with the one in its folder.

        Args:
            world: where.
            hyper: how to learn.
            plan: what to do.
            directory: of the run, begun.
            offline: folders of logs to learn from too, from the beginning.
            resume: go on with what is there.

        Raises:
            CheckpointError: the run there has other settings, or its checkpoint is damaged.
            LogError: a log was made under another contract.
        """
        self._world, self._plan, self._directory = world, plan, directory
        sha256 = world.spaces.sha256
        self.log = GraspLog(directory.path / "log", sha256)
        logs = [GraspLog(folder, sha256) for folder in offline]
        episodes_max = plan.episodes + sum(log.count() for log in logs)
        self.learner = GraspLearner(
            world.spaces, hyper, directory.checkpoint, plan.seed, episodes_max
        )
        self.warnings: list[str] = []
        self._fingerprint = {
            "contract_sha256": sha256,
            "hyper_parameters": hyper.model_dump(mode="json"),
            "offline": [str(path) for path in offline],
            "seed": plan.seed,
        }
        self._turns = Turns(world.script().name, plan.scripted_episodes, plan.seed)
        self._seeds: set[int] = set()  # of the run's own episodes
        self._lowest = 0  # every seed below it is there
        for log in logs:
            self._read(log, own=False)
        self.learner.end_of_logs()
        self._log_updates = self.learner.due
        found = load_checkpoint(directory.checkpoint) if resume else None
        if resume:
            self._read(self.log, own=True)
        if found:
            tensors, values = found
            require_same_run(directory.path, values["fingerprint"], self._fingerprint)
            self.learner.load_state_dict(tensors, values["learner"])

    @property
    def collected(self) -> int:
        """Episodes that the run itself collected."""
        return len(self._seeds)

    def run(
        self, collectors: Collectors, labellers: Labellers, view: View, stop: StopRequest
    ) -> None:
        """Collects and learns until every episode is collected and all that is due is learned.

        Raises:
            Interrupted: it was asked to end; the checkpoint is written.
            OSError: a file cannot be written; the checkpoint before is intact.
        """
        began_s, before = time.monotonic(), len(self._seeds)
        fresh: list[GraspEpisode] = []
        figures: dict[str, float] = {}
        asked: set[int] = set()
        saved = self.learner.counts.updates
        learning = True
        with MetricsWriter(self._directory.path) as metrics:
            collectors.take_policy(self.learner.policy())
            while True:
                # A learner that cannot learn waits for episodes, however far behind it is.
                self.learner.held_back, self.learner.done = self._held_back(), self._done()
                if self.learner.behind <= BEHIND_UPDATES_MAX or not learning:
                    for seed in self._next_seeds(asked, collectors.capacity):
                        collectors.ask(seed, self._turns.by_policy(seed))
                        asked.add(seed)
                now, busy = self.learner.work(labellers, _UPDATES_AT_ONCE)
                figures = now or figures
                learning = bool(now) or self.learner.waiting
                finished = collectors.finished(0.0 if busy else _WAIT_S)
                for episode in finished:
                    asked.discard(episode.seed)
                    fresh.append(episode)
                    self._take(episode)
                elapsed_s = time.monotonic() - began_s
                rate = (len(self._seeds) - before) / elapsed_s
                view(self._status(figures, rate, elapsed_s), False)
                left = asked or self._next_seeds(asked, 1)
                over = not (left or finished or busy or self.learner.waiting)
                updates = self.learner.counts.updates
                if over or len(fresh) >= SHARD_EPISODES or updates - saved >= SAVE_UPDATES:
                    self._save(fresh)
                    saved = updates
                    fresh = []
                    metrics.write(self.learner.counts.steps, self._figures(figures))
                    collectors.take_policy(self.learner.policy())
                if over:
                    return
                try:
                    stop.raise_if_requested()
                except Interrupted:
                    self._save(fresh)
                    raise

    def _done(self) -> float:
        """Share of the run: of its episodes, or where it collects none of the logs' updates."""
        if self._plan.episodes:
            return self.collected / self._plan.episodes
        return self.learner.counts.updates / max(1, self._log_updates)

    def _held_back(self) -> int:
        """Updates for logs that wait until more episodes are there."""
        later, episodes = max(0, self._log_updates - FIRST_UPDATES), self._plan.episodes
        return round(later * (1.0 - self.collected / episodes)) if episodes else 0

    def _next_seeds(self, asked: set[int], capacity: int) -> list[int]:
        """The lowest seeds that nobody has tried yet, as many as may be asked for."""
        while self._lowest in self._seeds:
            self._lowest += 1
        seeds = range(self._lowest, self._plan.episodes)
        untried = (seed for seed in seeds if seed not in self._seeds and seed not in asked)
        return list(islice(untried, capacity - len(asked)))

    def _save(self, fresh: list[GraspEpisode]) -> None:
        """Brings episodes, checkpoint and policy to the disk, in this order."""
        if fresh:
            self.log.write(fresh)
        tensors, values = self.learner.state_dict()
        save_checkpoint(
            self._directory.checkpoint,
            tensors,
            {"fingerprint": self._fingerprint, "learner": values},
        )
        self.learner.policy().save(self._directory.path)

    def _read(self, log: GraspLog, *, own: bool) -> None:
        for episode in log.episodes():
            if own:
                self._take(episode)
            else:
                self.learner.add(episode)
        self.warnings += log.damaged

    def _take(self, episode: GraspEpisode) -> None:
        self.learner.add(episode)
        self._seeds.add(episode.seed)
        self._turns.add(episode)

    def _figures(self, figures: Mapping[str, float]) -> dict[str, float]:
        rates = {f"success_{source}": rate for source, rate in self._turns.rates().items()}
        return dict(figures) | rates | asdict(self.learner.counts)

    def _status(
        self, figures: Mapping[str, float], rate: float, elapsed_s: float
    ) -> dict[str, Any]:
        rates = [f"{name} {rate:.2f}" for name, rate in self._turns.rates().items()]
        losses = [f"{name} {value:.3f}" for name, value in figures.items()]
        counts = self.learner.counts
        return {
            "title": f"{self._world.title}, QT-Opt",
            "phase": "training" if counts.updates else "collecting",
            "steps": counts.steps,
            "episodes": f"{self.collected} of {self._plan.episodes} ({rate:.2f}/s)",
            "updates": counts.updates,
            **self._turns.status(),
            "message": ", ".join(rates + losses),
            "elapsed_s": elapsed_s,
        }
