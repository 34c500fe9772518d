"""How a policy that plans, and doubts, is asked: in process and by an actor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest
from actor_world import World

from robot_learning.contract import load_contract
from robot_learning.evaluation.rollout import evaluate
from robot_learning.networks.policy import Float32, Policy, Thought
from robot_learning.training.actor_types import Choice
from robot_learning.training.collection import Collection
from robot_learning.training.learner_types import LearnerStatus, Phase, require_steps
from robot_learning.training.settings import SettingsError
from robot_learning.training.task_settings import task_exploration, task_learner_settings

OVERRIDES = {"warmup_steps": 10}
SEEN, GOAL = np.full(20, 0.25, np.float32), np.full(3, 0.5, np.float32)


@dataclass(frozen=True, kw_only=True)
class Doubting(Policy):
    """Goes ahead; its doubt is ten times the first number of the action."""

    kind: ClassVar[str] = "doubting"

    fitted: bool = True
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def ready(self) -> bool:
        return self.fitted

    @property
    def thought(self) -> Thought | None:
        return Thought(0.01, 5, True)

    def choose(self, inputs: Float32) -> Float32:
        return np.full(self.action_size, 0.5, np.float32)

    def doubt(self, observation: Float32, goal: Float32 | None, action: Float32) -> float:
        self.asked.append((observation, goal, action))
        return 10.0 * float(action[0])

    def tensors(self) -> dict[str, Float32]:
        return {}

    def description(self) -> dict[str, Any]:
        return {}

    @classmethod
    def read(cls, tensors: Any, description: Any, **common: Any) -> Doubting:
        return cls(**common)


def doubting(observation: int = 20, goal: int = 3, actions: int = 3, **fields: Any) -> Doubting:
    size, one = observation + goal, np.ones(actions, np.float32)
    return Doubting(
        mean=np.zeros(size, np.float32), std=np.ones(size, np.float32), clip=10.0,
        action_low=-one, action_high=one, goal_size=goal, version=4, **fields,
    )  # fmt: skip


def status(phase: Phase, steps: int) -> LearnerStatus:
    known: dict[str, Any] = dict.fromkeys(LearnerStatus.__dataclass_fields__, 0)
    known |= {"phase": phase, "steps": steps, "evaluation_episodes_goal": 3, "actor_ids": ()}
    return LearnerStatus(**known)


@pytest.fixture
def collection() -> Collection:
    contract = load_contract("panda", "reach")
    exploration = task_exploration(contract, "pets", OVERRIDES, seed=0)
    return Collection(exploration, np.random.default_rng(0), [], seed=0)


def test_until_its_model_is_fitted_a_planner_is_not_asked(collection: Collection) -> None:
    collection.status, collection.policy = status(Phase.TRAINING, 50), doubting(fitted=False)
    choice = collection.choose(SEEN, GOAL, False)
    assert (choice.policy_version, choice.doubt, choice.thought) == (0, 0.0, None)
    assert not collection.policy.asked  # type: ignore[attr-defined]
    collection.status = status(Phase.EVALUATING, 50)
    assert "a model that was fitted" in str(collection.plan())


def test_the_doubt_is_about_the_action_that_is_asked_for(collection: Collection) -> None:
    policy = collection.policy = doubting()
    for phase, is_evaluation in ((Phase.TRAINING, False), (Phase.EVALUATING, True)):
        collection.status = status(phase, 50)
        choice = collection.choose(SEEN, GOAL, is_evaluation)
        assert choice.policy_version == 4 and choice.thought == Thought(0.01, 5, True)
        assert choice.doubt == pytest.approx(10.0 * choice.action[0])
        np.testing.assert_array_equal(policy.asked[-1][1], GOAL)


def test_a_random_action_of_the_warm_up_is_nobodys_doubt(collection: Collection) -> None:
    collection.status, collection.policy = status(Phase.WARMUP, 5), doubting()
    assert collection.choose(SEEN, GOAL, False).doubt == 0.0


def test_an_actor_sends_the_doubt_with_its_request() -> None:
    class Doubtful(World):
        def choose(self, observation: Any, goal: Any, is_evaluation: bool) -> Choice:
            return Choice(np.ones(3, np.float32), 5, doubt=4.5)

    world = Doubtful()
    world.begin()
    assert world.doubts[-1] == 4.5 and set(world.doubts[:-1]) <= {0.0}


class Told(gymnasium.Env[Any, Any]):
    """Keeps what it is told of each step."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def __init__(self) -> None:
        self.doubt, self.told = 0.0, list[float]()

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return np.zeros(2, np.float32), {}

    def step(self, action: Any) -> Any:
        self.told.append(self.doubt)
        return np.zeros(2, np.float32), 0.0, False, len(self.told) == 3, {}


def test_an_evaluation_tells_an_environment_with_a_gate_before_each_step() -> None:
    told = Told()
    environment = gymnasium.wrappers.TimeLimit(told, 10)
    evaluate(environment, doubting(2, 0, 1), episodes=1, seed=0, hold_steps=1, has_success=False)
    assert told.told == [5.0, 5.0, 5.0]


def test_a_run_too_short_for_a_model_is_refused_before_it_begins() -> None:
    contract = load_contract("panda", "reach")

    def asked(steps: int, algorithm: str = "pets") -> None:
        require_steps(
            task_learner_settings(
                contract, algorithm, {}, seed=0, steps=steps, evaluation_episodes=1
            )
        )

    with pytest.raises(SettingsError, match=r"pets has no model before step 200, .* after 30"):
        asked(30)
    asked(200)
    asked(30, "td3")
