"""Where grasping is learned: the contract's own task, or a benchmark that a package registers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

from robot_learning.contract import BinGraspTask, Contract, load_contract, task_of
from robot_learning.envs.grasp_env import GraspEnv
from robot_learning.envs.observation import field_slices, observation_range
from robot_learning.envs.registration import make_env
from robot_learning.grasping.script import Grasper, RandomGrasper, ScriptedGrasper
from robot_learning.grasping.view import hand_view
from robot_learning.networks.action_features import ActionMeaning
from robot_learning.perception.hand_view import HandView
from robot_learning.replay.step import Float32


class WorldError(ValueError):
    """Grasping cannot be learned there. One line says why."""


LIFTED_M = 0.10
"""An object whose middle is higher than this was lifted, as the simulator knows."""


@dataclass(frozen=True, slots=True)
class GraspSpaces:
    """What a grasping policy sees and does.

    Attributes:
        size_px: side of the pictures.
        state_low: where each number beside the picture is at its lowest, shape (s,).
        state_high: where it is at its highest; a critic sees them between -1 and 1.
        action_size: numbers of an action, each in [-1, 1].
        action_meaning: what the numbers of an action stand for.
        steps_max: of an episode.
        sha256: of the contract, or of the benchmark's settings: what data and policies belong to.
        hand_view: where in the pictures the surroundings of the hand are, if that is known.
        fingers: index of the state's number that is the speed of the fingers (m/s, opening is
            above 0); None where none is.
    """

    size_px: int
    state_low: tuple[float, ...]
    state_high: tuple[float, ...]
    action_size: int
    action_meaning: ActionMeaning
    steps_max: int
    sha256: str
    hand_view: HandView | None = None
    fingers: int | None = None

    def __post_init__(self) -> None:
        # Lists come out of files.
        object.__setattr__(self, "state_low", tuple(self.state_low))
        object.__setattr__(self, "state_high", tuple(self.state_high))
        pairs = zip(self.state_low, self.state_high, strict=True)
        if not all(low < high for low, high in pairs):
            raise ValueError(f"a state from {self.state_low} to {self.state_high} has no range")

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Self:
        """From what `dataclasses.asdict` made of one, also by way of JSON.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        view = values["hand_view"]
        return cls(**{**values, "hand_view": None if view is None else HandView(**view)})

    @property
    def state_size(self) -> int:
        """Numbers beside the picture."""
        return len(self.state_low)


class GraspEnvironment(Protocol):
    """What episodes are collected in: Gymnasium's two methods.

    Observations have `image` and `state`; a step's info has `executed_action` and `is_success`.
    """

    def reset(self, *, seed: int | None = None) -> tuple[Any, dict[str, Any]]:
        """A new episode."""
        ...

    def step(self, action: Float32) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """One step."""
        ...

    def close(self) -> None:
        """Ends it."""
        ...


class Lifted(NamedTuple):
    """What the simulator knows of an episode's end.

    Attributes:
        objects: numbers of the objects that were there.
        lifted: of them, those that are up.
        fault: the episode ended in a safety fault.
    """

    objects: list[int]
    lifted: list[int]
    fault: bool


class World(Protocol):
    """A place to learn grasping in."""

    @property
    def title(self) -> str:
        """What and where, for reports."""
        ...

    @property
    def spaces(self) -> GraspSpaces:
        """Of its environments."""
        ...

    def about(self) -> Mapping[str, Any]:
        """Plain values that say all of it."""
        ...

    def open(self, objects: str) -> GraspEnvironment:
        """An environment with objects of `train` or `unseen`."""
        ...

    def script(self) -> Grasper:
        """Who acts before anything is learned."""
        ...

    def explore(self) -> Grasper:
        """Who acts now and then instead of a policy that explores."""
        ...

    def look(self, env: Any) -> Lifted | None:
        """What is true at the end of an episode, where that is known beside its success."""
        ...


class ContractWorld:
    """A robot at its bin, by a contract.

    Raises:
        ContractError: the contract is malformed.
        WorldError: its task is of another kind, or does not show the bin.
    """

    def __init__(self, robot: str | Path, task: str | Path) -> None:
        self.contract: Contract = load_contract(robot, task)
        kind = self.contract.task.kind
        if not isinstance(self.contract.task, BinGraspTask):
            raise WorldError(f"task {task} is of kind {kind}; grasping needs one of bin_grasp")
        self._robot, self._task_name = robot, task
        self._task = task_of(self.contract, BinGraspTask)
        self._view = hand_view(self.contract)
        if self._view and not self._view.floor_mask(self._task.image.size_px).any():
            raise WorldError(
                f"task {task}: the bin's floor is not in its picture: check image.crop_centre and "
                f"image.crop_side, and where camera {self._task.image.camera} of {robot} looks"
            )

    @property
    def title(self) -> str:
        """Task and robot."""
        return f"{self.contract.task.name} on {self.contract.robot.name}"

    @property
    def spaces(self) -> GraspSpaces:
        """Of the contract."""
        low, high = observation_range(self.contract)
        return GraspSpaces(
            self._task.image.size_px,
            tuple(low.tolist()),
            tuple(high.tolist()),
            self._task.action.size,
            self._task.action.type,
            self._task.episode_steps,
            self.contract.sha256,
            self._view,
            self._fingers(),
        )

    def _fingers(self) -> int | None:
        place = field_slices(self.contract).get("gripper_speed_m_s")
        return None if place is None else place.start

    def about(self) -> Mapping[str, Any]:
        """The contract."""
        contract = self.contract.model_dump(mode="json")
        return {"contract_sha256": self.contract.sha256, "contract": contract}

    def open(self, objects: str) -> GraspEnvironment:
        """The simulated robot."""
        return make_env(self._robot, self._task_name, objects=objects)

    def script(self) -> Grasper:
        """Down, close, up."""
        return ScriptedGrasper(self.contract)

    def explore(self) -> Grasper:
        """At random, biased downwards."""
        return RandomGrasper()

    def look(self, env: GraspEnv) -> Lifted | None:
        """What the simulator knows; None on a robot."""
        scene = env.hardware.read_scene()
        if "object_number" not in scene:
            return None
        numbers = scene["object_number"].astype(int)
        up = scene["object_position_m"][:, 2] > LIFTED_M
        return Lifted(numbers.tolist(), numbers[up].tolist(), env.arm.fault is not None)


def find_world(task: str, robot: str) -> World:
    """The world of a task: a benchmark that a package registered, or else a contract's.

    Raises:
        ContractError: there is no such task, or the contract is malformed.
        WorldError: the task is no grasping.
    """
    found = {entry.name: entry for entry in entry_points(group="robot_learning.grasping")}
    if task in found:
        world: World = found[task].load()()
        return world
    return ContractWorld(robot, task)
