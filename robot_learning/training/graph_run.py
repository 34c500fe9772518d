"""A run whose steps come from actors in other processes: begun, kept on disk, finished."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from robot_learning.contract import Contract, PushTask, ReachTask
from robot_learning.files import write_atomic
from robot_learning.rewards.goal import GoalReward
from robot_learning.training.demonstrated import with_demonstrations
from robot_learning.training.launch_mark import begun_by_this_launch, mark_launch
from robot_learning.training.learner import Learner, LearnerStatus, Phase
from robot_learning.training.learner_types import require_steps
from robot_learning.training.record import RunRecord
from robot_learning.training.run_directory import RunDirectory
from robot_learning.training.task_settings import task_learner_settings

_ASKED = ("algorithm", "steps", "seed", "evaluation_episodes", "demonstrations")
PUBLISH_PERIOD_S = 1.0
CHECKPOINT_PERIOD_S = 20.0
# Gradient updates between two looks at the inbox: a few milliseconds of work.
UPDATES_AT_ONCE = 2


class GraphRun:
    """A learner, its folder, and what it gives out.

    Attributes:
        learner: takes the steps.
        record: what the run leaves behind while it goes.
        resumed: True when it goes on with a run.
    """

    def __init__(
        self,
        contract: Contract,
        values: Mapping[str, Any],
        give_weights: Callable[[int, bytes], None],
    ) -> None:
        """Begins the run, or goes on with the one that this launch began.

        Args:
            contract: robot and task.
            values: `algorithm`, `overrides` (JSON), `steps`, `evaluation_episodes`, `seed`, `mode`,
                `out`, `demonstrations` (a file, or empty), and `resume` for a run that was ended
                before this launch.
            give_weights: takes each new version and its safetensors bytes.

        Raises:
            ValueError, LookupError, OSError: settings or folder do not allow it.
        """
        settings = task_learner_settings(
            contract,
            values["algorithm"],
            json.loads(values["overrides"]),
            seed=values["seed"],
            steps=values["steps"],
            evaluation_episodes=values["evaluation_episodes"],
        )
        require_steps(settings)
        if values["demonstrations"]:
            settings = with_demonstrations(settings, Path(values["demonstrations"]))
        directory = RunDirectory(Path(values["out"]))
        self.resumed = values["resume"] or begun_by_this_launch(directory)
        config = {
            "task": contract.task.name,
            "robot": contract.robot.name,
            "over_graph": True,
            "mode": values["mode"],
            **{k: values[k] for k in _ASKED},
            "hyper_parameters": settings.hyper.model_dump(mode="json"),
            "contract_sha256": contract.sha256,
            "contract": contract.model_dump(mode="json"),
        }
        directory.begin(config, resume=self.resumed)
        mark_launch(directory)
        task = contract.task
        reward = GoalReward(task).reward if isinstance(task, ReachTask | PushTask) else None
        self.learner = Learner(directory.checkpoint, settings, reward, resume=self.resumed)
        directory.write_config(config)
        title = (
            f"{contract.task.name} on {contract.robot.name}, {values['algorithm']} "
            f"over ROS 2, {values['mode']}"
        )
        self.record = RunRecord(self.learner, directory, title)
        self._give_weights = give_weights
        self._published_s = self._checkpointed_s = 0.0
        self._phase_before = Phase.WARMUP
        self._saved = False

    def publish(self) -> None:
        """Gives out the present policy under the next version."""
        version, data = self.learner.publish()
        self._published_s = time.monotonic()
        self._give_weights(version, data)

    def work(self) -> bool:
        """Learns for a few milliseconds; whether there was anything to do."""
        due = self.learner.updates_due()
        if not due:
            return False
        self.record.figures.update(self.learner.update(min(due, UPDATES_AT_ONCE)))
        if time.monotonic() - self._published_s > PUBLISH_PERIOD_S:
            self.publish()
        return True

    def keep(self, extra: Mapping[str, Any]) -> None:
        """Brings to the disk what came, finishes what is done; call a few times a second.

        Args:
            extra: what `status.json` says beside the learner's status.

        Raises:
            OSError: the disk failed; nothing was acknowledged, so nothing is lost.
        """
        self.learner.sync()
        self.record.episodes()
        now_s = time.monotonic()
        if now_s - self._checkpointed_s > CHECKPOINT_PERIOD_S:
            self.learner.checkpoint()
            self._checkpointed_s = now_s
        self._finish_if_done(extra)
        self.record.status(extra)

    def status(self) -> LearnerStatus:
        """What the run is doing; done means that everything is on disk."""
        status = self.learner.status()
        if status.phase is Phase.DONE and not self._saved:
            return replace(status, phase=Phase.EVALUATING)
        return status

    def close(self) -> None:
        """Leaves a checkpoint and the policy.

        Raises:
            FileWriteError: disk full or the like; what was saved before is intact.
        """
        try:
            self.learner.checkpoint()
            if not self._saved:
                self.record.save(None, self.learner.status().policy_version)
            self.record.status(now=True)
        finally:
            self.record.close()
            self.learner.close()

    def _finish_if_done(self, extra: Mapping[str, Any]) -> None:
        learner, record = self.learner, self.record
        phase = learner.status().phase
        if phase is Phase.EVALUATING and self._phase_before is not Phase.EVALUATING:
            # The evaluated weights are the last ones, and are what the policy file holds.
            self.publish()
        self._phase_before = phase
        if phase is not Phase.DONE or self._saved:
            return
        evaluation = learner.evaluation() if learner.settings.evaluation_episodes_goal else None
        learner.checkpoint()
        version = learner.status().policy_version
        record.save(evaluation, version)
        if evaluation:
            figures = evaluation.as_json() | {
                "contract": learner.settings.contract_sha256,
                "policy_version": version,
            }
            text = json.dumps(figures) + "\n"
            write_atomic(record.directory.path / "evaluation.json", text.encode())
        self._saved = True
        record.status(extra, now=True)
