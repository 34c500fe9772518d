"""Records episodes without end, as the recorder does, until it is killed; for a test."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from episode_samples import MS, began, ended, jpeg, picture, recorder, state, step

from robot_learning.demonstrations.recorder_thread import RecorderThread

EPISODE_STEPS = 12


def main(folder: Path, said: Path) -> None:
    jpeg(0)
    with RecorderThread(recorder(folder)) as thread, said.open("a") as out:
        number = 0
        while True:
            begin_ns = time.time_ns()
            thread.submit([began(begin_ns, number)])
            for index in range(EPISODE_STEPS):
                now_ns = time.time_ns()
                thread.submit([(state(now_ns, index + 1), None), (picture(now_ns, index), None)])
                thread.submit([step(now_ns, number, index)])
                time.sleep(0.03)
            thread.submit([ended(time.time_ns() + MS, number, EPISODE_STEPS)])
            out.write(f"{number} {begin_ns}\n")
            out.flush()
            number += 1
            time.sleep(0.25)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
