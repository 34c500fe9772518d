"""`kill -9` at any moment: finished episodes verify, the running one keeps all but its last second.

A handful of kills of the recorder's own code; `robot-learning bench record --kills 50` kills the
node itself.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from robot_learning.demonstrations.check_store import check_catalogue, check_files
from robot_learning.demonstrations.episode_file import read_episode
from robot_learning.demonstrations.store import Store

HERE = Path(__file__).resolve().parent
KILLS = 5


def test_nothing_but_the_last_second_of_a_running_episode_is_lost(tmp_path: Path) -> None:
    store, said = Store(tmp_path / "store"), tmp_path / "said"
    draw = random.Random(1)
    killed_ns = []
    for kill in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, str(HERE / "recording_process.py"), str(store.folder), str(said)]
        )
        try:
            end_s = time.monotonic() + 40
            while len(store.whole()) + len(store.unfinished()) <= len(killed_ns):
                assert time.monotonic() < end_s and process.poll() is None
                time.sleep(0.01)
            time.sleep(draw.uniform(0.0, 1.2))
        finally:
            process.send_signal(signal.SIGKILL)
            killed_ns.append(time.time_ns())
            process.wait()
        cut = store.unfinished()
        assert len(cut) <= 1, f"kill {kill}: {cut}"
        repaired = [one.path for one in store.repair_unfinished()]
        for path in repaired:
            store.catalogue.put(store.read(path)[1])
            episode = read_episode(path)
            assert episode.end is not None and episode.end.state == "repaired"
            steps = [step.episode_step for step in episode.steps]
            assert steps == list(range(len(steps)))
            # Nothing yet was written of one that had only just begun.
            began_ns = episode.info.started_ns
            assert killed_ns[-1] - max(episode.end.ended_ns, began_ns) < 1_000_000_000
    checked, summaries = check_files(store, store.whole())
    errors = [f for one in checked for f in one.findings if f.level == "error"]
    assert errors == []
    complete = [line for line in summaries if line.state == "complete"]
    assert all(line.steps == 12 and line.lost == 0 for line in complete)
    missing = {line.id for line in summaries} - {line.id for line in store.catalogue.all()}
    # A kill between a file's last byte and its line leaves the line to be made anew.
    assert len(missing) <= KILLS
    store.catalogue.replace_all(summaries)
    assert check_catalogue(store, summaries).good
