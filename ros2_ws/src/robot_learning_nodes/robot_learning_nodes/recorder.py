"""Records every episode of the graph to a file that a kill leaves readable."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from robot_learning.demonstrations.recorder import EpisodeRecorder, News
from robot_learning.demonstrations.recorder_thread import RecorderThread
from robot_learning.training.revision import git_revision
from robot_learning_nodes.episode_news import news_of_event, news_of_step
from robot_learning_nodes.graph_node import ERROR, OK, GraphNode, Parameter
from robot_learning_nodes.graph_taps import EVENT_TOPIC, STEP_TOPIC, graph_taps, streams_of
from robot_learning_nodes.more_topics import more_taps
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.taps import Taps

TAKE_PERIOD_S = 0.01
DISCOVERY_S = 1.5  # until DDS has found all who publish


class RecorderNode(GraphNode):
    """Hands every message on to the library's recorder."""

    name = "recorder"
    parameters = (
        Parameter("out", "runs/demonstrations", "folder of the store of episodes"),
        Parameter("operator", "", "who demonstrates; written into every episode"),
        Parameter("notes", "", "about this session; written into every episode"),
        Parameter("pictures", True, "make a summary picture of every episode, in the background"),
        Parameter(
            "topics",
            "",
            "further topics, comma-separated, each as NAME:package/msg/Type, or with :best_effort "
            "behind it",
        ),
    )

    recording: RecorderThread | None = None
    taps: Taps | None = None

    def configure(self) -> None:
        """Makes whole what was cut, and begins to listen."""
        taps = [*graph_taps(self.contract), *more_taps(self.values["topics"])]
        self.taps = Taps(self, taps)
        self.found_s = time.monotonic() + DISCOVERY_S
        self.taken = 0
        self.news: dict[str, Callable[[bytes], News]] = {
            self.resolve_topic_name(EVENT_TOPIC): news_of_event,
            self.resolve_topic_name(STEP_TOPIC): news_of_step,
        }
        self.painter: subprocess.Popen[bytes] | None = None
        self.unpainted: list[str] = []
        streams = streams_of(taps, self.taps.topics)
        latched = [t for t, tap in zip(self.taps.topics, taps, strict=True) if tap.latched]
        self.recorder = EpisodeRecorder(
            Path(self.values["out"]),
            streams,
            self._about(),
            self.say,
            latched=latched,
            on_saved=self.unpainted.append,
        )
        self.recording = RecorderThread(self.recorder)
        self.every(TAKE_PERIOD_S, self._take)

    def activate(self) -> None:
        """Says where episodes go, once every publisher has been found.

        An episode that begins before that is not recorded: its first steps might be missing.
        """
        assert self.taps is not None and self.recording is not None
        time.sleep(max(0.0, self.found_s - time.monotonic()))
        early = [(received, None) for received in self.taps.take_all()]
        if early:
            self.recording.submit(early)
        if any(received.topic in self.news for received, _ in early):
            self.say("an episode runs whose beginning may be incomplete; the next one is recorded")
        self.say(f"recording to {self.values['out']}")

    def stop(self) -> None:
        """Completes the running episode."""
        recording, self.recording = self.recording, None
        if recording is not None:
            self._hand_on(recording)
            recording.close()
            if self.painter is not None:
                self.painter.kill()  # `episodes picture` draws what is missing
                self.painter.wait()

    def on_cleanup(self, state: Any) -> Any:
        """Ends the subscriptions."""
        self._close_taps()
        return super().on_cleanup(state)

    def destroy_node(self) -> None:
        """Ends the subscriptions and the node."""
        self._close_taps()
        super().destroy_node()

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """What is recorded, or why nothing is."""
        recorder = self.recorder
        figures = {"episodes": recorder.saved, "messages": self.taken, "strays": recorder.strays}
        if self.recording is None or self.recording.failure is not None:
            return ERROR, f"not recording: {getattr(self.recording, 'failure', 'closed')}", figures
        if recorder.trouble is not None:
            return ERROR, recorder.trouble, figures
        return OK, f"recording {recorder.recording}" if recorder.recording else "waiting", figures

    def _take(self) -> None:
        if self.recording is None:
            return
        if self.recording.failure is not None:
            raise RuntimeError("the recorder failed") from self.recording.failure
        self._hand_on(self.recording)
        if self.values["pictures"]:
            self._paint()

    def _hand_on(self, recording: RecorderThread) -> None:
        assert self.taps is not None
        batch = [
            (received, self.news[received.topic](received.data))
            if received.topic in self.news
            else (received, None)
            for received in self.taps.take_all()
        ]
        self.taken += len(batch)
        if batch:
            recording.submit(batch)

    def _paint(self) -> None:
        """One picture at a time, behind everything else that runs."""
        if not self.unpainted or (self.painter is not None and self.painter.poll() is None):
            return
        command = [sys.executable, "-m", "robot_learning.demonstrations.draw"]
        self.painter = subprocess.Popen(
            [*command, self.values["out"], self.unpainted.pop(0)],
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the node
            preexec_fn=lambda: os.nice(19),
        )

    def _close_taps(self) -> None:
        taps, self.taps = self.taps, None
        if taps is not None:
            taps.close()

    def _about(self) -> dict[str, Any]:
        contract = self.contract
        return {
            "task": contract.task.name,
            "robot": contract.robot.name,
            "instruction": contract.task.instruction,
            "contract_sha256": contract.sha256,
            "contract": contract.model_dump(mode="json"),
            "operator": self.values["operator"],
            "notes": self.values["notes"],
            "revision": git_revision() or "unknown",
            "clock": self.values["mode"],
        }


def main() -> None:
    """Entry point."""
    exit_process(run(RecorderNode))
