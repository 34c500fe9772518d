"""Runs a policy beside a robot that it does not move: what it would have asked for is logged."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, TextIO

from robot_learning_interfaces.srv import ResetEpisode

from robot_learning.files import write_atomic
from robot_learning.planning.deadline import plan_budget_s
from robot_learning.training.policy_file import PolicyFileError, load_policy
from robot_learning.training.shadow import Shadow
from robot_learning_nodes.graph_node import OK, WARN, GraphNode, Parameter, StartError
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.reset_call import call_reset
from robot_learning_nodes.scene_topics import SceneTopics
from robot_learning_nodes.told_arm import ANTICIPATE, told_arm

LOOK_PERIOD_S = 0.5


class ShadowNode(GraphNode):
    """States in, lines of a file out; it publishes nothing that anybody follows."""

    name = "shadow"
    parameters = (
        Parameter("policy", "", "folder with policy.safetensors and policy.json"),
        Parameter("out", "runs/shadow", "folder for decisions.jsonl and shadow.json"),
        Parameter("seconds", 60.0, "how long, from the first decision", minimum=1.0, maximum=1e6),
        ANTICIPATE,
        Parameter("seed", 0, "seed of the targets", minimum=0, maximum=2**31 - 1),
    )

    def configure(self) -> None:
        """Loads the policy and subscribes."""
        try:
            policy = load_policy(Path(self.values["policy"]), self.contract)
        except PolicyFileError as error:
            self.exit_code = 2
            raise StartError(str(error)) from None
        self.folder = Path(self.values["out"])
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file: TextIO = (self.folder / "decisions.jsonl").open("w", encoding="utf-8")
        budget_s = plan_budget_s(self.contract, 0.0, real_time=True)
        self.shadow = Shadow(
            self.contract, policy.within(budget_s, 1), self._write, shown=told_arm(self).shown
        )
        self.seen = SceneTopics(self.contract, self.listen, self.shadow, lockstep=False)
        self.resetting = self.client_of(ResetEpisode, "reset")
        self.began_s = self.target_s = 0.0
        self.targets = 0
        self.every(LOOK_PERIOD_S, self._look)

    def stop(self) -> None:
        """Writes what was found."""
        if self.active and self.shadow.decisions and self.exit_code != 1:
            text = json.dumps(self.shadow.figures(), indent=2) + "\n"
            write_atomic(self.folder / "shadow.json", text.encode())

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """What it waits for, or its figures."""
        if self.shadow.waiting_for:
            return WARN, f"waiting for {self.shadow.waiting_for}", {}
        return OK, "decides, moves nothing", self.shadow.figures()

    def _look(self) -> None:
        now_s = time.monotonic()
        episode_s = self.contract.task.episode_steps * self.contract.control_period_s
        if now_s - self.target_s > episode_s:
            self.target_s = now_s
            call_reset(self.resetting, self.values["seed"] + self.targets, self._answered)
        if self.shadow.decisions and not self.began_s:
            self.began_s = now_s
        if self.began_s and now_s - self.began_s > self.values["seconds"]:
            self.say(json.dumps(self.shadow.figures()))
            self.exit_code = 0

    def _answered(self, stamp_s: float | None, reason: str) -> None:
        if stamp_s is None:
            self.get_logger().info(f"no new scene: {reason}", throttle_duration_sec=5.0)
        else:
            self.targets += 1

    def _write(self, row: dict[str, Any]) -> None:
        try:
            print(json.dumps(row), file=self.file, flush=True)
        except OSError as error:
            self.say(f"{self.file.name}: {error.strerror}; make room and start again", alarm=True)
            self.exit_code = 1


def main() -> None:
    """Entry point."""
    exit_process(run(ShadowNode))
