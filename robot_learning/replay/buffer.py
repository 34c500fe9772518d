"""Uniform replay: a ring of packed rows, with goals and steps ahead drawn when it is sampled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from robot_learning.replay.batch import Batch
from robot_learning.replay.n_step import NStep
from robot_learning.replay.ring import Int64, Ring
from robot_learning.replay.step import Float32, Step

RewardFunction = Callable[[Float32, Float32], NDArray[np.floating]]
"""(achieved (n, g), desired (n, g)) -> reward (n,)."""
State = tuple[dict[str, NDArray[Any]], dict[str, Any]]
"""Arrays, and values JSON can hold."""


class Replay(Protocol):
    """What the learner asks of any replay."""

    def __len__(self) -> int:
        """Transitions that can be drawn."""

    @property
    def demonstrations(self) -> int:
        """Of them, demonstrations, which never give way."""

    def add(self, steps: Sequence[Step], actions: Float32) -> None:
        """Adds consecutive steps of one episode; `actions` (n, a) are theirs in [-1, 1]."""

    def show(self, steps: Sequence[Step], actions: Float32) -> None:
        """Adds consecutive steps that a person chose, as demonstrations, which never give way."""

    def sample(self, size: int, rng: np.random.Generator) -> Batch:
        """Draws `size` transitions.

        Raises:
            ValueError: there is none.
        """

    def update_priorities(self, errors: NDArray[np.floating]) -> None:
        """Takes in how much each row of the batch drawn last had to teach, shape (n,)."""

    def state_dict(self) -> State:
        """What the steps alone do not say."""

    def load_state_dict(self, state: State) -> None:
        """Goes on from a `state_dict`, after the same steps, and perhaps more, were added."""


class ReplayBuffer:
    """The last `capacity` transitions, whole episodes one after the other.

    One row holds one transition, so that a batch is one gather. Hindsight follows the strategy
    "future" (Andrychowicz et al. 2017, arXiv 1707.01495, section 4.5): a fraction k / (k + 1) of
    a batch has its goal replaced by a goal achieved later in the same episode, and its reward
    computed anew. It is done when sampling, so every visit sees another goal. `terminated` stays
    as it was recorded: for tasks that end when the goal is reached, use k = 0.
    """

    def __init__(
        self,
        capacity: int,
        observation_size: int,
        goal_size: int,
        action_size: int,
        *,
        hindsight_per_transition: int = 0,
        compute_reward: RewardFunction | None = None,
        n_step: NStep | None = None,
        retained: int = 0,
        shown_capacity: int = 0,
    ) -> None:
        """Makes an empty one.

        Args:
            capacity: transitions before the oldest give way.
            observation_size: o.
            goal_size: g; 0 for tasks without goals.
            action_size: a.
            hindsight_per_transition: k; 0 leaves goals as they are.
            compute_reward: needed for hindsight.
            n_step: rows over several steps; episodes must then be added whole.
            retained: the first so many transitions are demonstrations, which never give way.
            shown_capacity: demonstrations that may come later; what is shown beyond is not kept.

        Raises:
            ValueError: hindsight without goals or reward function.
        """
        if hindsight_per_transition and (compute_reward is None or goal_size == 0):
            raise ValueError("hindsight needs goals and the task's reward function")
        self._relabelled = hindsight_per_transition / (hindsight_per_transition + 1.0)
        self._compute_reward = compute_reward
        self._n_step = n_step
        widths = {
            "observation": observation_size,
            "desired_goal": goal_size,
            "action": action_size,
            "reward": 1,
            "next_observation": observation_size,
            "next_desired_goal": goal_size,
            "terminated": 1,
            "next_achieved_goal": goal_size,
        }
        edges = np.cumsum([0, *widths.values()])
        self._at = {name: slice(edges[i], edges[i + 1]) for i, name in enumerate(widths)}
        self._ring = Ring(capacity, retained, shown_capacity)
        # np.zeros takes memory from the system only as rows are written.
        self._rows = np.zeros((self._ring.size, int(edges[-1])), np.float32)
        self._episode_end = np.zeros(self._ring.size, np.int64)

    def __len__(self) -> int:
        return len(self._ring)

    @property
    def demonstrations(self) -> int:
        """See `Replay`."""
        return self._ring.demonstrations

    def add(self, steps: Sequence[Step], actions: Float32) -> None:
        """Adds the steps of one episode, in order; the oldest rows give way.

        Args:
            steps: consecutive steps of one episode.
            actions: their executed actions in units of [-1, 1], shape (len(steps), a).
        """
        self._write(self._ring.extend(len(steps)), steps, actions)

    def show(self, steps: Sequence[Step], actions: Float32) -> None:
        """Adds a piece of an episode, in order, as demonstrations, as far as there is room.

        What follows the piece is not part of it: a row over several steps, or a new goal, looks no
        further than its end.

        Args:
            steps: consecutive steps of one episode.
            actions: their executed actions in units of [-1, 1], shape (len(steps), a).
        """
        positions = self._ring.extend_later(len(steps))
        kept = len(positions)
        if kept:
            self._write(positions, steps[:kept], actions[:kept])

    def _write(self, positions: Int64, steps: Sequence[Step], actions: Float32) -> None:
        slots, at = self._ring.slots(positions), self._at
        for slot, step, action in zip(slots.tolist(), steps, actions, strict=True):
            row = self._rows[slot]
            row[at["observation"]] = step.observation
            row[at["desired_goal"]] = row[at["next_desired_goal"]] = step.desired_goal
            row[at["action"]] = action
            row[at["reward"]] = step.reward
            row[at["next_observation"]] = step.next_observation
            row[at["next_achieved_goal"]] = step.next_achieved_goal
            row[at["terminated"]] = step.terminated
        self._episode_end[slots] = positions[-1] + 1

    def sample(self, size: int, rng: np.random.Generator) -> Batch:
        """Draws `size` transitions uniformly, with replacement.

        Raises:
            ValueError: the buffer is empty.
        """
        return self._gather(self._ring.draw(size, rng), rng)

    def update_priorities(self, errors: NDArray[np.floating]) -> None:
        """Every transition stays as likely as the others."""

    def state_dict(self) -> State:
        """Nothing: the steps say it all."""
        return {}, {}

    def load_state_dict(self, state: State) -> None:
        """Nothing to go on from."""

    def _gather(self, positions: Int64, rng: np.random.Generator) -> Batch:
        """The transitions at these positions, with new goals and several steps where asked for."""
        slots, at = self._ring.slots(positions), self._at
        rows = self._rows.take(slots, axis=0)
        if self._relabelled:
            self._relabel(rows, positions, slots, rng)
        discounts = None
        if self._n_step:
            discounts = self._look_ahead(rows, positions, slots, rng)
        retained, demonstrations = self._ring.retained, self._ring.demonstrations
        return Batch(
            inputs=rows[:, at["observation"].start : at["desired_goal"].stop],
            actions=rows[:, at["action"]],
            rewards=rows[:, at["reward"].start],
            next_inputs=rows[:, at["next_observation"].start : at["next_desired_goal"].stop],
            terminated=rows[:, at["terminated"].start],
            discounts=discounts,
            demonstrated=(positions < retained).astype(np.float32) if demonstrations else None,
        )

    def _relabel(
        self, rows: Float32, positions: Int64, slots: Int64, rng: np.random.Generator
    ) -> None:
        chosen = np.flatnonzero(rng.random(len(rows)) < self._relabelled)
        future = rng.integers(positions[chosen], self._episode_end[slots[chosen]])
        at = self._at
        goals = self._rows[self._ring.slots(future), at["next_achieved_goal"]]
        rows[chosen, at["desired_goal"]] = goals
        rows[chosen, at["next_desired_goal"]] = goals
        achieved = rows[chosen, at["next_achieved_goal"]]
        rows[chosen, at["reward"].start] = self._reward(achieved, goals)

    def _look_ahead(
        self, rows: Float32, positions: Int64, slots: Int64, rng: np.random.Generator
    ) -> Float32:
        """Makes rows span several steps of their episode; returns what o' then counts, (n,)."""
        assert self._n_step is not None
        at, reward = self._at, self._at["reward"].start
        horizons = self._n_step.horizons(self._episode_end[slots] - positions, rng)
        ahead = np.minimum(np.arange(self._n_step.steps), horizons[:, None] - 1)
        path = self._ring.slots(positions[:, None] + ahead)
        rewards = self._rows[path, reward]
        if self._relabelled:
            # Of the goal that the row has now; unchanged goals get the reward that was recorded.
            goals, count = rows[:, at["desired_goal"]], path.shape[1]
            changed = (goals != self._rows[slots, at["desired_goal"]]).any(axis=1)
            achieved = self._rows[path[changed].ravel(), at["next_achieved_goal"]]
            new = self._reward(achieved, np.repeat(goals[changed], count, axis=0))
            rewards[changed] = new.reshape(-1, count)
        rows[:, reward] = self._n_step.returns(rewards, horizons)
        for name in ("next_observation", "terminated", "next_achieved_goal"):
            rows[:, at[name]] = self._rows[path[:, -1], at[name]]
        return self._n_step.discounts(horizons, rows[:, at["terminated"].start])

    def _reward(self, achieved: Float32, goals: Float32) -> NDArray[np.floating]:
        assert self._compute_reward is not None
        return self._compute_reward(achieved, goals)
