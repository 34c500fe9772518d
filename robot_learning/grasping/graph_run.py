"""A grasping run whose robots are reached by messages: in a thread, so that messages are heard.

```
DIR/inbox/    episodes that came and are not in DIR/log yet
```
The rest of the folder is as `robot_learning.grasping.run` says.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from robot_learning.grasping.graph_collectors import GraphCollectors
from robot_learning.grasping.log import GraspLog, LogError
from robot_learning.grasping.run import GraspPlan, GraspRun
from robot_learning.grasping.settings import GraspHyperParameters
from robot_learning.grasping.workers import LocalLabeller
from robot_learning.grasping.world import ContractWorld
from robot_learning.training.checkpoint import CheckpointError
from robot_learning.training.interrupt import Interrupted, StopRequest
from robot_learning.training.launch_mark import begun_by_this_launch, mark_launch
from robot_learning.training.learner_types import LearnerStatus, Phase
from robot_learning.training.run_directory import RunDirectory
from robot_learning.training.settings import with_overrides

_STOP_WITHIN_S = 20.0


class GraspGraphRun:
    """A run and the collectors that it asks.

    Attributes:
        world: where.
        collectors: between the run and the messages.
        resumed: it goes on with a run.
        warnings: what was left out; a line each.
        failure: why it ended early, one line; None while all is well.
        done: everything is collected, learned and on disk.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        """Begins the run, or goes on with the one that this launch began.

        Args:
            values: `robot`, `task`, `mode`, `overrides` (JSON), `episodes`, `scripted_episodes`,
                `offline` (folders, with commas between them), `seed`, `out`, and `resume` for a run
                that was ended before this launch.

        Raises:
            ValueError, LookupError, OSError: settings or folder do not allow it.
        """
        self.world = ContractWorld(values["robot"], values["task"])
        self._hyper = with_overrides(
            "grasping", GraspHyperParameters, json.loads(values["overrides"])
        )
        self._plan = GraspPlan(values["episodes"], values["scripted_episodes"], values["seed"])
        self._offline = [Path(part) for part in values["offline"].split(",") if part]
        for folder in self._offline:
            if not folder.is_dir():
                raise ValueError(f"offline: {folder} is no folder; collect one first, or leave it")
        self._directory = RunDirectory(Path(values["out"]))
        names = ("robot", "task", "mode", "episodes", "scripted_episodes", "seed")
        self._config = {
            **{name: values[name] for name in names},
            "over_graph": True,
            "offline": [str(folder) for folder in self._offline],
            "hyper_parameters": self._hyper.model_dump(mode="json"),
            **self.world.about(),
        }
        self.resumed = values["resume"] or begun_by_this_launch(self._directory)
        self._directory.begin(self._config, resume=self.resumed)
        mark_launch(self._directory)
        sha256 = self.world.spaces.sha256
        path = self._directory.path
        inbox = GraspLog(path / "inbox", sha256)
        self.collectors = GraphCollectors(
            self.world.spaces, GraspLog(path / "log", sha256), inbox, self._plan.episodes
        )
        self.warnings = list(inbox.damaged)
        self.failure: str | None = None
        self.done = False
        self._stop = StopRequest()
        self._view: Mapping[str, Any] = {}
        self._thread = threading.Thread(target=self._run, name="grasp_run", daemon=True)

    def start(self) -> None:
        """Begins to work."""
        if not self._thread.is_alive():
            self._thread.start()

    def stop(self) -> None:
        """Leaves a checkpoint and the policy, and ends."""
        self._stop.request()
        if self._thread.is_alive():
            self._thread.join(_STOP_WITHIN_S)

    def status(self) -> LearnerStatus:
        """What the run is doing; done means that everything is on disk."""
        view = self._view
        low, high = view.get("success_wilson95", (0.0, 1.0))
        policy = self.collectors.policy()
        return LearnerStatus(
            phase=self._phase(),
            steps=int(view.get("steps", 0)),
            steps_goal=0,
            episodes=int(view.get("collected", 0)),
            updates=int(view.get("updates", 0)),
            updates_per_s=0.0,
            steps_per_s=0.0,
            success_rate=float(view.get("success_rate", 0.0)),
            success_window=int(view.get("success_window", 0)),
            success_wilson95=(float(low), float(high)),
            policy_version=policy[0] if policy else 0,
            evaluation_episodes_goal=0,
            evaluation_episodes=0,
            actor_ids=(),
            acknowledged_steps=(),
            duplicates=self.collectors.duplicates,
        )

    def line(self) -> str:
        """What `status` says, for a person."""
        view = self._view
        if not view:
            return "reading logs"
        parts = (f"episodes {view['episodes']}", f"updates {view['updates']}", view["message"])
        return ", ".join(part for part in parts if part)

    def _phase(self) -> Phase:
        if self.done:
            return Phase.DONE
        return Phase.TRAINING if self._view.get("updates") else Phase.WARMUP

    def _run(self) -> None:
        try:
            self._work()
        except Interrupted:
            pass  # asked to end; the checkpoint is written
        except (CheckpointError, LogError, OSError, ValueError) as error:
            self.failure = str(error) or type(error).__name__
        except BaseException as error:
            self.failure = f"{type(error).__name__}: {error}"
            raise

    def _work(self) -> None:
        run = GraspRun(
            self.world,
            self._hyper,
            self._plan,
            self._directory,
            offline=self._offline,
            resume=self.resumed,
        )
        self.warnings += run.warnings
        self._directory.write_config(self._config)

        def view(status: Mapping[str, Any], now: bool) -> None:
            self._view = dict(status) | {"collected": run.collected}
            self._directory.write_status(self._view)

        with closing(run.learner), closing(self.collectors):
            run.run(self.collectors, LocalLabeller(), view, self._stop)
        self.done = True
