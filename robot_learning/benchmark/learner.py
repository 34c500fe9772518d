"""Updates and training loops a second against Stable-Baselines3, in the same run.

Same environment, networks, batch and one thread; both sample from their own replay, and ours does
whatever a run does besides: it watches its health and writes its journal. Both sides take turns in
short windows, because a shared machine changes its speed within seconds.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import torch

from robot_learning.training.environments import make_environment
from robot_learning.training.learner import Learner
from robot_learning.training.learner_types import LearnerSettings
from robot_learning.training.open_trainer import environment_settings
from robot_learning.training.trainer import Trainer

ENVIRONMENT = "Pendulum-v1"
UPDATES_RATIO_MIN, LOOP_RATIO_MIN = 1.3, 1.5
_METHODS = ("td3", "ddpg", "sac")
_HIDDEN, _BATCH = (256, 256), 256
_FILLED_STEPS, _UPDATES = 1_000, 100  # of a window of updates
_WARMUP_STEPS, _LOOP_STEPS = 300, 500  # of a whole run

Work = Callable[[], None]


def measure_learner(rounds: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Measures updates and whole runs of each method; rows for the report.

    Args:
        rounds: windows of each side; the median of the ratios within a round is what counts.
        say: is told how far it is.

    Raises:
        ImportError: Stable-Baselines3 is not installed.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    results = list[dict[str, Any]]()
    try:
        with tempfile.TemporaryDirectory(prefix="robot-learning-bench-") as folder:
            for name in _METHODS:
                say(f"{name}: updates")
                ours, theirs = _our_updates(name, Path(folder) / name), _their_updates(name)
                times = [(_seconds(ours), _seconds(theirs)) for _ in range(rounds)]
                results.append(_row(f"{name}, updates/s", _UPDATES, times, UPDATES_RATIO_MIN))
            for name in _METHODS:
                say(f"{name}: training")
                runs = [Path(folder) / f"{name}-{number}" for number in range(rounds)]
                times = [
                    (_seconds(_our_run(name, run)), _seconds(_their_run(name))) for run in runs
                ]
                what = f"{name}, steps/s of training on {ENVIRONMENT}"
                results.append(_row(what, _LOOP_STEPS, times, LOOP_RATIO_MIN))
    finally:
        torch.set_num_threads(threads)
    return results


def _our_updates(name: str, directory: Path) -> Work:
    trainer = _trainer(name, directory, steps=_FILLED_STEPS, warmup=_FILLED_STEPS)
    trainer.run()
    trainer.learner.update(10)  # kept buffers are made on the first

    def work() -> None:
        trainer.learner.update(_UPDATES)

    return work


def _their_updates(name: str) -> Work:
    model = _peer(name, warmup=_FILLED_STEPS + 1)
    model.learn(_FILLED_STEPS)
    model.train(gradient_steps=10, batch_size=_BATCH)

    def work() -> None:
        model.train(gradient_steps=_UPDATES, batch_size=_BATCH)

    return work


def _our_run(name: str, directory: Path) -> Work:
    trainer = _trainer(name, directory, steps=_LOOP_STEPS, warmup=_WARMUP_STEPS)
    return trainer.run


def _their_run(name: str) -> Work:
    model = _peer(name, warmup=_WARMUP_STEPS)

    def work() -> None:
        model.learn(_LOOP_STEPS)

    return work


def _trainer(name: str, directory: Path, *, steps: int, warmup: int) -> Trainer:
    environment = make_environment(f"gymnasium:{ENVIRONMENT}")
    chosen = {"hidden_sizes": _HIDDEN, "batch_size": _BATCH, "warmup_steps": warmup}
    settings = environment_settings(
        environment, ENVIRONMENT, name, chosen, seed=0, steps=steps, evaluation_episodes=0
    )
    return Trainer(environment, Learner(directory, cast(LearnerSettings, settings)))


def _peer(name: str, *, warmup: int) -> Any:
    import stable_baselines3 as sb3

    method: Any = {"td3": sb3.TD3, "ddpg": sb3.DDPG, "sac": sb3.SAC}[name]
    return method(
        "MlpPolicy",
        ENVIRONMENT,
        batch_size=_BATCH,
        learning_starts=warmup,
        train_freq=1,
        gradient_steps=1,
        policy_kwargs={"net_arch": list(_HIDDEN)},
        seed=0,
        device="cpu",
    )


def _seconds(work: Work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _row(what: str, count: int, times: Sequence[tuple[float, float]], bar: float) -> dict[str, Any]:
    ratios = sorted(theirs / ours for ours, theirs in times)
    ours, theirs = (count / statistics.median(side) for side in zip(*times, strict=True))
    ratio = statistics.median(ratios)
    return {
        "what": what,
        "value": f"{ours:.0f}",
        "against": f"Stable-Baselines3: {theirs:.0f}",
        "ratio": ratio,
        "spread": f"{ratios[0]:.2f} to {ratios[-1]:.2f}",
        "bar": f">= {bar:g}",
        "met": ratio >= bar,
    }
