"""Any Gymnasium environment, seen as vectors."""

from __future__ import annotations

import difflib
import importlib
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from numpy.typing import NDArray

from robot_learning.algorithms import ALGORITHMS, Algorithm, Spaces
from robot_learning.networks import Policy
from robot_learning.replay import RewardFunction, StepError
from robot_learning.replay.step import Float32
from robot_learning.training.error_text import one_line

Environment = gymnasium.Env[Any, Any]
_EMPTY = np.zeros(0, np.float32)


class EnvironmentRefusedError(ValueError):
    """An environment is unknown, or not one that can be learned on here."""


class EnvironmentFailedError(RuntimeError):
    """An environment raised an error of its own. One line says when, and what it was."""


class Watched(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Says in which episode and step an environment failed, counted since it was made."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._episode, self._step = -1, 0

    def reset(self, **arguments: Any) -> tuple[Any, dict[str, Any]]:
        """Resets it.

        Raises:
            EnvironmentFailedError: it raised an error.
        """
        self._episode, self._step = self._episode + 1, 0
        try:
            return self.env.reset(**arguments)
        except Exception as error:
            raise self._failed("the reset of episode", error) from error

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Makes a step.

        Raises:
            EnvironmentFailedError: it raised an error.
        """
        try:
            result = self.env.step(action)
        except Exception as error:
            raise self._failed(f"step {self._step} of episode", error) from error
        self._step += 1
        return result

    def _failed(self, when: str, error: Exception) -> EnvironmentFailedError:
        return EnvironmentFailedError(
            f"{_name(self)} failed in {when} {self._episode}: {one_line(error)}; "
            "what was learned until the last checkpoint is kept: mend the environment, then go on "
            "with --resume"
        )


class Observed(NamedTuple):
    """An observation taken apart; goals are empty for tasks without goals. All float32."""

    observation: Float32
    achieved_goal: Float32
    desired_goal: Float32


def make_environment(
    name: str, import_module: str | None = None, frame_stack: int = 1
) -> Environment:
    """Makes a registered environment.

    Args:
        name: `gymnasium:ID`.
        import_module: a module to import first, whose import registers the id.
        frame_stack: so many of the newest observations are seen as one, the oldest first; where
            an episode begins its first one stands for those before it.

    Raises:
        EnvironmentRefusedError: the module or the id is unknown (the message has the nearest), or
            its observations cannot be stacked.
        EnvironmentFailedError: the module or the environment raised an error of its own.
    """
    if import_module:
        try:
            importlib.import_module(import_module)
        except ImportError as error:
            raise EnvironmentRefusedError(f"--import {import_module}: {error}") from None
        except Exception as error:
            raise EnvironmentFailedError(
                f"--import {import_module} failed: {one_line(error)}; mend the module"
            ) from error
    prefix, _, identifier = name.partition(":")
    if prefix != "gymnasium" or not identifier:
        raise EnvironmentRefusedError(
            f"--env {name}: expected gymnasium:ID, as gymnasium:Pendulum-v1"
        )
    try:
        environment = gymnasium.make(identifier)
    except gymnasium.error.Error as error:
        near = difflib.get_close_matches(identifier, gymnasium.registry, n=1)
        hint = f"; did you mean gymnasium:{near[0]}?" if near else ""
        text = str(error).splitlines()[0]
        raise EnvironmentRefusedError(f"--env {name}: {text}{hint}") from None
    except Exception as error:
        raise EnvironmentFailedError(
            f"{identifier} failed while it was made: {one_line(error)}; mend the environment"
        ) from error
    if isinstance(environment.observation_space, gymnasium.spaces.Discrete):
        environment = gymnasium.wrappers.FlattenObservation(environment)
    if frame_stack > 1:
        if not isinstance(environment.observation_space, gymnasium.spaces.Box):
            raise EnvironmentRefusedError(
                f"--frame-stack {frame_stack}: {identifier} has observations that cannot be "
                f"stacked ({environment.observation_space}); leave it out"
            )
        environment = gymnasium.wrappers.FrameStackObservation(environment, frame_stack)
    return Watched(environment)


def spaces_of(environment: Environment) -> Spaces:
    """Sizes and bounds of an environment.

    Raises:
        EnvironmentRefusedError: its action or observation space is of a kind not learned on here.
    """
    action, observed = environment.action_space, environment.observation_space
    choices = 0
    low: tuple[float, ...]
    high: tuple[float, ...]
    if isinstance(action, gymnasium.spaces.Discrete):
        choices = int(action.n)
        low, high = (0.0,), (float(choices - 1),)
    elif not isinstance(action, gymnasium.spaces.Box):
        raise EnvironmentRefusedError(
            f"{_name(environment)}: actions must be continuous (Box) or choices (Discrete), not "
            f"{action}"
        )
    elif np.isfinite(action.low).all() and np.isfinite(action.high).all():
        low = tuple(float(bound) for bound in action.low.ravel())
        high = tuple(float(bound) for bound in action.high.ravel())
    else:
        raise EnvironmentRefusedError(
            f"{_name(environment)}: its action space has no finite bounds ({action})"
        )
    goal_size = 0
    if isinstance(observed, gymnasium.spaces.Dict):
        needed = {"observation", "achieved_goal", "desired_goal"}
        if set(observed.spaces) != needed:
            raise EnvironmentRefusedError(
                f"{_name(environment)}: a Dict observation must have the keys {sorted(needed)}, "
                f"this has {sorted(observed.spaces)}"
            )
        goal_size = _size(observed.spaces["desired_goal"], environment)
        observed = observed.spaces["observation"]
    return Spaces(
        observation_size=_size(observed, environment),
        goal_size=goal_size,
        action_low=low,
        action_high=high,
        choices=choices,
        states=_states(environment),
    )


def require_actions(environment: Environment, algorithm: type[Algorithm]) -> None:
    """Refuses a method that cannot learn in the environment.

    Raises:
        EnvironmentRefusedError: it is for the other kind of actions, or for a number of states;
            the message names methods that fit.
    """
    spaces = spaces_of(environment)
    kind = "discrete" if spaces.choices else "continuous"

    def fits(method: type[Algorithm]) -> bool:
        return method.actions in (kind, "either") and (spaces.states > 0 or not method.needs_states)

    if fits(algorithm):
        return
    fitting = ", ".join(name for name, method in ALGORITHMS.items() if fits(method))
    if algorithm.actions not in (kind, "either"):
        raise EnvironmentRefusedError(
            f"{algorithm.name} is for {algorithm.actions} actions, {_name(environment)} has {kind} "
            f"ones ({environment.action_space}); use one of: {fitting}"
        )
    raise EnvironmentRefusedError(
        f"{algorithm.name} keeps a table of states, {_name(environment)} has observations of "
        f"another kind ({environment.observation_space}); use one of: {fitting}"
    )


def to_action(environment: Environment, action: Float32) -> Any:
    """A policy's action vector as the environment's `step` takes it."""
    if isinstance(environment.action_space, gymnasium.spaces.Discrete):
        return int(environment.action_space.start) + int(action.item())
    return action.reshape(environment.action_space.shape)


def claim_doubt(environment: Environment, policy: Policy, seen: Observed, action: Float32) -> float:
    """Tells an environment with a safety gate how much the policy doubts the action to come.

    Returns:
        What it was told, see `control.doubt`; 0 where there is no gate.
    """
    inner = environment.unwrapped
    if not hasattr(inner, "doubt"):
        return 0.0
    goal = seen.desired_goal if policy.goal_size else None
    doubt = policy.doubt(seen.observation, goal, action)
    inner.doubt = doubt
    return doubt


def take_apart(observed: Any) -> Observed:
    """Flattens what `reset` and `step` return."""
    if isinstance(observed, Mapping):
        return Observed(
            flat(observed["observation"]),
            flat(observed["achieved_goal"]),
            flat(observed["desired_goal"]),
        )
    return Observed(flat(observed), _EMPTY, _EMPTY)


def begin_episode(environment: Environment, seed: int) -> tuple[Observed, dict[str, Any]]:
    """Resets it: what is observed, and its info.

    Raises:
        StepError: what is observed is not finite.
    """
    observed, info = environment.reset(seed=seed)
    seen = take_apart(observed)
    require_finite(environment, seen, "after a reset")
    return seen, info


def require_finite(environment: Environment, seen: Observed, when: str) -> None:
    """Refuses an observation that nobody can act on.

    Raises:
        StepError: it is not finite; the message says `when`.
    """
    for name, value in zip(Observed._fields, seen, strict=True):
        # One sum instead of np.isfinite().all(): finite inputs cannot overflow a float64 sum.
        if not math.isfinite(value.sum(dtype=np.float64)):
            raise StepError(
                f"{_name(environment)}, {when}: {name} is not finite ({value.tolist()}); "
                "mend the environment"
            )


def reward_function(environment: Environment) -> RewardFunction | None:
    """The environment's vectorised reward of goals, where it has one."""
    compute = getattr(environment.unwrapped, "compute_reward", None)
    if compute is None or not isinstance(environment.observation_space, gymnasium.spaces.Dict):
        return None

    def reward(achieved: Float32, desired: Float32) -> NDArray[np.floating]:
        return np.asarray(compute(achieved, desired, {}))

    return reward


def reward_range(environment: Environment) -> tuple[float, float] | None:
    """Lowest and highest reward of a step, where the goal's reward is sparse; else None.

    Sparse: one number at the goal and another anywhere far from it.
    """
    compute = reward_function(environment)
    if compute is None or not isinstance(environment.observation_space, gymnasium.spaces.Dict):
        return None
    shape = environment.observation_space["desired_goal"].shape
    goals = np.zeros((3, *(shape or ())), np.float32)
    distances = np.array([0.0, 1e3, 2e3], np.float32)
    near, far, farther = compute(goals + distances[:, None], goals).tolist()
    return (far, near) if far == farther < near else None


def at_goal(info: Mapping[str, Any]) -> bool:
    """The success condition held at this step, before any hold time is counted.

    Environments with a hold time say so as `at_goal`; the others' `is_success` has none.
    """
    return bool(info.get("at_goal", info.get("is_success", False)))


def episode_seed(seed: int, stream: int, episode: int) -> int:
    """The seed of one episode: independent of how often a run was resumed.

    Args:
        seed: of the run.
        stream: 0 for training, 1 for evaluation: they never share an episode.
        episode: its number.
    """
    return int(np.random.SeedSequence([seed, stream, episode]).generate_state(1)[0])


def flat(value: Any) -> Float32:
    """A vector of its own, whatever the shape and type."""
    return np.array(value, np.float32).ravel()


def _size(space: gymnasium.Space[Any], environment: Environment) -> int:
    if not isinstance(space, gymnasium.spaces.Box):
        raise EnvironmentRefusedError(
            f"{_name(environment)}: observations must be a Box, not {space}"
        )
    return int(np.prod(space.shape))


def _states(environment: Environment) -> int:
    """How many states a flattened observation stands for; 0 for other observations."""
    while isinstance(environment, gymnasium.Wrapper):
        inner = environment.env
        if isinstance(environment, gymnasium.wrappers.FlattenObservation):
            space = inner.observation_space
            return int(space.n) if isinstance(space, gymnasium.spaces.Discrete) else 0
        environment = inner
    return 0


def _name(environment: Environment) -> str:
    return environment.spec.id if environment.spec else type(environment.unwrapped).__name__
