"""Collectors and Bellman updaters as Ray actors: on this machine, or on a cluster.

The run stays one process, which holds replay, labels, log and counts; what its workers hold can be
made again. A worker that dies is started anew by Ray, where there is room, and what it was asked
for is asked again: nothing that was collected or labelled is lost, and nothing is counted twice.

Episodes, policies and weights travel in the formats of their files, which are checked when they
are read.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import ray
from safetensors.torch import load, save

from robot_learning.grasping.episode import GraspEpisode
from robot_learning.grasping.log import from_bytes, to_bytes
from robot_learning.grasping.policy import GraspPolicy, grasp_policy_from_bytes
from robot_learning.grasping.qt_opt import GraspQTOpt
from robot_learning.grasping.settings import GraspHyperParameters
from robot_learning.grasping.workers import Exploration, Labelled, LocalCollector
from robot_learning.grasping.world import GraspSpaces, find_world
from robot_learning.replay.images import ImageBatch
from robot_learning.replay.ring import Int64
from robot_learning.replay.step import Float32

_BATCHES_AN_UPDATER = 2  # one being labelled, one on its way


def connect(address: str | None) -> None:
    """Joins a Ray cluster, or begins one on this machine where no address is given.

    Raises:
        ConnectionError: there is no cluster at the address.
    """
    quiet: dict[str, Any] = {"logging_level": logging.WARNING, "log_to_driver": False}
    if address is None:
        quiet["include_dashboard"] = False
    ray.init(address=address, **quiet)


def cluster_cpus() -> float:
    """CPUs of the cluster, as Ray counts them."""
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return float(resources.get("CPU", 0.0))


class _Collector:
    """One robot in a process of Ray's."""

    def __init__(self, task: str, robot: str, exploration: dict[str, float]) -> None:
        self._world = find_world(task, robot)
        self._local = LocalCollector(self._world, Exploration(**exploration))
        self._version = -1

    def collect(self, seed: int, by_policy: bool, version: int, policy: bytes) -> bytes:
        """One episode, as a shard; by the policy of this version where one is asked for."""
        if by_policy and version != self._version:
            self._local.take_policy(grasp_policy_from_bytes(policy))
            self._version = version
        episode = self._local.collect(seed, by_policy)
        return to_bytes([episode], self._world.spaces.sha256)


class _Updater:
    """Labels in a process of Ray's."""

    def __init__(self, hyper: dict[str, Any], spaces: dict[str, Any], seed: int) -> None:
        model = GraspHyperParameters.model_validate(hyper)
        self._algorithm = GraspQTOpt(model, GraspSpaces.from_plain(spaces), seed)
        self._version = -1

    def label(self, batch: Sequence[Any], version: int, weights: bytes) -> Float32:
        """Targets by the slow networks of this version."""
        if version != self._version:
            self._algorithm.load_slow_weights(load(weights))
            self._version = version
        return self._algorithm.targets(ImageBatch(*batch))


def _actor(kind: type, cpus: float) -> Any:
    """An actor class whose members are spread over the nodes, and started anew when they die."""
    decorate: Any = ray.remote(
        num_cpus=cpus, max_restarts=-1, max_task_retries=-1, scheduling_strategy="SPREAD"
    )
    return decorate(kind)


class RayCollectors:
    """Robots in processes of Ray's.

    Attributes:
        capacity: episodes that may be asked for at a time.
    """

    def __init__(
        self, task: str, robot: str, sha256: str, exploration: Exploration, count: int, cpus: float
    ) -> None:
        """Starts them.

        Args:
            task: of the world.
            robot: of the world.
            sha256: of the world's spaces.
            exploration: how a policy explores.
            count: robots.
            cpus: of each, as Ray counts them.
        """
        actor = _actor(_Collector, cpus)
        self._idle: deque[Any] = deque(
            actor.remote(task, robot, asdict(exploration)) for _ in range(count)
        )
        self._all = list(self._idle)
        self._sha256 = sha256
        self._working: dict[Any, Any] = {}
        self._version, self._policy = -1, ray.put(b"")
        self.capacity = count

    def take_policy(self, policy: GraspPolicy) -> None:
        """Acts by this policy from now on, where a policy is asked for."""
        self._version += 1
        self._policy = ray.put(policy.to_bytes())

    def ask(self, seed: int, by_policy: bool) -> None:
        """Asks a robot that has nothing to do."""
        actor = self._idle.popleft()
        policy = self._policy if by_policy else b""
        self._working[actor.collect.remote(seed, by_policy, self._version, policy)] = actor

    def finished(self, wait_s: float) -> list[GraspEpisode]:
        """Episodes that were finished since the last call."""
        if not self._working:
            return []
        waiting = list(self._working)
        ready, _ = ray.wait(waiting, num_returns=1, timeout=wait_s)
        if ready:
            ready, _ = ray.wait(waiting, num_returns=len(waiting), timeout=0)
        episodes = []
        for reference in ready:
            self._idle.append(self._working.pop(reference))
            episodes += from_bytes(ray.get(reference), self._sha256)
        return episodes

    def close(self) -> None:
        """Ends the robots."""
        for actor in self._all:
            ray.kill(actor)


class RayLabellers:
    """Bellman updaters in processes of Ray's.

    Attributes:
        capacity: batches that may be asked for at a time.
    """

    def __init__(
        self, hyper: GraspHyperParameters, spaces: GraspSpaces, seed: int, count: int, cpus: float
    ) -> None:
        """Starts them.

        Args:
            hyper: of the learner.
            spaces: of the learner.
            seed: of the first; each draws its own actions.
            count: updaters.
            cpus: of each, as Ray counts them.
        """
        actor = _actor(_Updater, cpus)
        settings, about = hyper.model_dump(mode="json"), asdict(spaces)
        self._actors = [actor.remote(settings, about, seed + 1 + index) for index in range(count)]
        self._next = 0
        self._waiting: deque[tuple[Any, Int64, int]] = deque()
        self._version, self._weights = -1, ray.put(b"")
        self.capacity = count * _BATCHES_AN_UPDATER

    def take_weights(self, algorithm: GraspQTOpt) -> None:
        """Labels with the slow networks of this learner from now on."""
        self._version = algorithm.updates
        self._weights = ray.put(save(algorithm.slow_weights()))

    def ask(self, positions: Int64, batch: ImageBatch) -> None:
        """Asks one updater after the other."""
        actor = self._actors[self._next]
        self._next = (self._next + 1) % len(self._actors)
        reference = actor.label.remote(tuple(batch), self._version, self._weights)
        self._waiting.append((reference, positions, self._version))

    def finished(self) -> list[Labelled]:
        """Batches that were finished, in the order in which they were asked for."""
        done = []
        while self._waiting:
            reference, positions, version = self._waiting[0]
            ready, _ = ray.wait([reference], timeout=0)
            if not ready:
                break
            self._waiting.popleft()
            done.append(Labelled(positions, ray.get(reference), version))
        return done

    def close(self) -> None:
        """Ends the updaters."""
        for actor in self._actors:
            ray.kill(actor)
