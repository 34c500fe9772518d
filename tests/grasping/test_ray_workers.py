"""Collectors and Bellman updaters on a Ray cluster of two nodes on this machine.

Workers and a whole node are killed in mid-training; what was collected and labelled must add up.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from grasp_samples import WORLD, make_batch, make_learner

ray = pytest.importorskip("ray", reason="needs the extra: scale")

from ray.cluster_utils import Cluster  # noqa: E402 (after it is known that there is Ray)

from robot_learning.grasping.learner import LABEL_BATCH  # noqa: E402
from robot_learning.grasping.log import GraspLog  # noqa: E402
from robot_learning.grasping.ray_workers import RayCollectors, RayLabellers, connect  # noqa: E402
from robot_learning.grasping.run import GraspPlan, GraspRun  # noqa: E402
from robot_learning.grasping.settings import GraspHyperParameters  # noqa: E402
from robot_learning.grasping.workers import Exploration, LocalCollector  # noqa: E402
from robot_learning.training.interrupt import StopRequest  # noqa: E402
from robot_learning.training.run_directory import RunDirectory  # noqa: E402

HYPER = GraspHyperParameters(
    cem_samples=4, cem_elites=2, batch_size=8, labels_per_step=4.0, updates_per_step=0.2
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    memory = 100 * 1024 * 1024
    head = {"num_cpus": 2, "object_store_memory": memory, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=head)
    made.second = made.add_node(num_cpus=2, object_store_memory=memory)
    connect(made.address)
    yield made
    ray.shutdown()
    made.shutdown()


def processes(name: str) -> list[int]:
    """Process numbers of Ray's workers that are actors of this class."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_text()
        except OSError:
            continue
        if words.startswith(f"ray::{name}"):
            found.append(int(process.name))
    return found


@pytest.mark.timeout(120)
def test_a_robot_elsewhere_does_what_one_here_does_and_an_updater_labels_by_its_weights(cluster):
    elsewhere = RayCollectors("bin_grasp", "panda", WORLD.spaces.sha256, Exploration(), 1, cpus=0.5)
    elsewhere.ask(5, False)
    found = []
    while not found:  # it has to start first
        found = elsewhere.finished(60.0)
    (there,) = found
    local = LocalCollector(WORLD, Exploration())
    here = local.collect(5, False)
    np.testing.assert_array_equal(there.images, here.images)
    np.testing.assert_array_equal(there.actions, here.actions)
    local.close()
    elsewhere.close()
    learner = make_learner(gamma=0.9)
    for network, value in ((learner.average, 0.25), (learner.lagged, 0.75)):
        network.dense[-1].weight.data.zero_()
        network.dense[-1].bias.data.fill_(float(np.log(value / (1.0 - value))))
    labellers = RayLabellers(learner.hyper, learner.spaces, 0, 1, cpus=0.5)
    labellers.take_weights(learner)
    labellers.ask(np.arange(6), make_batch())
    done = []
    while not done:
        done = labellers.finished()
    np.testing.assert_array_equal(done[0].positions, np.arange(6))
    np.testing.assert_allclose(done[0].targets, 0.9 * 0.25, rtol=1e-5)
    labellers.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_who_is_killed_is_replaced_and_the_counts_add_up(cluster, tmp_path):
    directory = RunDirectory(tmp_path / "run")
    directory.begin({}, resume=False)
    run = GraspRun(WORLD, HYPER, GraspPlan(episodes=8, scripted_episodes=4), directory)
    sha256 = WORLD.spaces.sha256
    collectors = RayCollectors("bin_grasp", "panda", sha256, Exploration(), 2, cpus=0.5)
    labellers = RayLabellers(HYPER, WORLD.spaces, 0, 2, cpus=0.5)
    killed: list[str] = []

    def view(status, now):
        done = run.collected
        if done >= 1 and "collector" not in killed:
            os.kill(processes("_Collector")[0], signal.SIGKILL)
            killed.append("collector")
        if done >= 2 and "updater" not in killed and processes("_Updater"):
            os.kill(processes("_Updater")[0], signal.SIGKILL)
            killed.append("updater")
        if done >= 4 and "node" not in killed:
            cluster.remove_node(cluster.second, allow_graceful=False)
            killed.append("node")

    run.run(collectors, labellers, view, StopRequest())
    assert killed == ["collector", "updater", "node"]
    logged = list(GraspLog(tmp_path / "run" / "log", sha256).episodes())
    assert sorted(episode.seed for episode in logged) == list(range(8))
    counts = run.learner.counts
    assert counts.episodes == run.collected == 8
    assert counts.steps == sum(len(episode) for episode in logged)
    assert counts.labelled == 4 * counts.steps // LABEL_BATCH * LABEL_BATCH
    assert counts.updates == int(counts.steps * 0.2) and counts.trained == 8 * counts.updates
    run.learner.close()
