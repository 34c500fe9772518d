"""Labelled pictures of a scripted operator's episodes, failures on purpose among them.

Or of a policy's: one that was trained by a classifier's word finds what that is wrong about, and
its pictures, labelled, are what the next classifier must know.

In simulation the task's own judge labels them; on a robot a person does (`FrameStore.relabel`).
A picture shows success while the condition holds, before any hold time is over: holding is the
classifier's business again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from robot_learning.contract import Contract, ContractError, StateTask, task_of
from robot_learning.demonstrations.operators import scripted_operator
from robot_learning.envs.state_env import StateEnv
from robot_learning.hardware import Hardware, RobotState, Scene
from robot_learning.replay.step import Float32
from robot_learning.rewards.judge import HoldingJudge, Judged, StateJudge, make_judge
from robot_learning.rewards.pixels.frames import FrameStore, LabelledEpisode
from robot_learning.training.environments import take_apart

STREAM = 5  # training, evaluation and demonstrations never see these episodes
_AFTER_STEPS = 5  # success is looked at for so long
_NOISE_STD = (0.0, 0.1, 0.3)


class Player(Protocol):
    """Whoever acts by what is observed."""

    def act(self, observation: Float32) -> Float32:
        """The action, shape (a,), in [-1, 1]."""


class _Watching(StateJudge):
    """Judges as the task does, goes on for a while after success, and notes what held."""

    def __init__(self, judge: HoldingJudge) -> None:
        self._judge = judge
        self._after = 0
        self.held = False

    def begin(self) -> None:
        self._judge.begin()
        self._after = 0

    def judge(self, state: RobotState, scene: Scene) -> Judged:
        self.held = self._judge.holds(state, scene)
        judged = self._judge.judge(state, scene)
        self._after += judged.success
        return judged._replace(terminated=self._after > _AFTER_STEPS)


def collect_frames(
    hardware: Hardware,
    store: FrameStore,
    *,
    episodes: int,
    seed: int,
    failure_share: float,
    on_episode: Callable[[], None],
    policy: Player | None = None,
) -> tuple[int, int]:
    """Plays episodes and writes their pictures; how many pictures, and how many show success.

    Args:
        hardware: of a task with a picture of success, in simulation.
        store: where the pictures go.
        episodes: how many.
        seed: of scenes, noise and failures.
        failure_share: part of the episodes that fail on purpose.
        on_episode: called after each.
        policy: plays instead of the scripted operator; how many fail is its own business.

    Raises:
        ContractError: the task's success is not a condition that is held.
        LookupError: nobody can do this task by rule.
        OSError: the disk is full or the like.
    """
    contract: Contract = hardware.contract
    judge = make_judge(contract)
    if not isinstance(judge, HoldingJudge):
        raise ContractError(f"task {task_of(contract, StateTask).name} has no success to be seen")
    watching = _Watching(judge)
    environment = StateEnv(hardware, judge=watching)
    operator = None if policy else scripted_operator(contract)
    rng = np.random.default_rng([seed, STREAM])
    failing = set(rng.permutation(episodes)[: round(failure_share * episodes)].tolist())
    pictures = successes = 0
    for number in range(episodes):
        player = policy
        if operator is not None:
            player = operator.failing(rng) if number in failing else operator
        assert player is not None
        noise_std = rng.choice(_NOISE_STD)
        scene = int(np.random.SeedSequence([seed, STREAM, number]).generate_state(1)[0])
        seen = environment.reset(seed=scene)[0]
        images, labels, stamps = [hardware.read_picture().rgb], [watching.held], [0.0]
        over = False
        while not over:
            action = np.asarray(player.act(take_apart(seen).observation), np.float32)
            noise = rng.normal(0.0, noise_std, action.shape)
            noisy = np.clip(action + noise, -1.0, 1.0).astype(np.float32)
            seen, _, terminated, truncated, info = environment.step(noisy)
            images.append(hardware.read_picture().rgb)
            labels.append(watching.held)
            stamps.append(float(info["stamp_s"]))
            over = terminated or truncated
        store.write(
            LabelledEpisode(
                f"{'policy' if policy else 'seed'}{seed}-{number:05d}",
                np.stack(images),
                np.array(stamps),
                np.array(labels, bool),
                "simulator",
            )
        )
        pictures, successes = pictures + len(labels), successes + sum(labels)
        on_episode()
    return pictures, successes
