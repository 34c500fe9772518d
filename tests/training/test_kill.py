"""kill -9 at any time: nothing acknowledged is lost, nothing is there twice."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from learner_samples import make_settings, open_learner
from step_samples import make_step, same_step

from robot_learning.replay import read_steps

# A learner as its node runs it: it acknowledges on standard output, updates, publishes, and
# writes checkpoints as often as it can. Its actor sends everything it holds, again and again.
LEARNER = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from learner_samples import make_settings, open_learner
from step_samples import make_step
learner = open_learner(Path(sys.argv[1]), make_settings(10_000), resume=True)
print("up", flush=True)
number = max(0, learner.acknowledged().get("a", 0) - 10)
while True:
    learner.insert(make_step(number))
    number += 1
    if number % 7 == 0:
        print(learner.sync()["a"], flush=True)
    learner.update(min(2, learner.updates_due()))
    if number % 11 == 0:
        learner.publish()
        learner.checkpoint()
"""


def run_and_kill(directory: Path, after_s: float) -> int:
    """Runs a learner and kills it; the last step number that it acknowledged."""
    paths = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "replay")]
    process = subprocess.Popen(
        [sys.executable, "-c", LEARNER, str(directory), *paths],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    said, _ = process.communicate()
    whole = [line for line in said.split("\n")[:-1] if line]
    return int(whole[-1]) if whole else 0


def test_a_learner_killed_again_and_again_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    rng = random.Random(0)
    acknowledged = 0
    for _ in range(4):
        acknowledged = max(acknowledged, run_and_kill(tmp_path, rng.uniform(0.05, 0.4)))
        steps = [step for _, step in read_steps(tmp_path / "steps.journal")]
        assert [step.step_number for step in steps] == list(range(len(steps)))
        assert len(steps) >= acknowledged
    learner = open_learner(tmp_path, make_settings(10_000), resume=True)
    assert learner.steps == learner.acknowledged()["a"] >= acknowledged > 0
    assert learner.updates > 0
    assert all(
        same_step(step, make_step(n)) for n, (_, step) in enumerate(learner._journal.steps())
    )
    assert np.isfinite(learner.policy().weights[0]).all()
