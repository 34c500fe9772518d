"""The reward monitor's other half: success by a classifier of pictures, or by a person's word.

Nothing is listened to here that only a simulator could know: pictures, stamps of states, and what
actor and person say of the episode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from robot_learning_interfaces.msg import EpisodeEvent
from sensor_msgs.msg import Image, JointState
from std_srvs.srv import Trigger

from robot_learning.perception.image_pipeline import ImageError
from robot_learning.perception.task_camera import task_camera
from robot_learning.rewards.pixels.monitor import OVERRIDES_FILE, JudgedState, PixelMonitor
from robot_learning.rewards.pixels.state_judge import classifier_of
from robot_learning.training.actor_types import Outcome
from robot_learning_nodes.actor_messages import read_label
from robot_learning_nodes.camera_messages import read_image
from robot_learning_nodes.convert import MessageError, to_seconds
from robot_learning_nodes.graph_node import ERROR, OK
from robot_learning_nodes.qos import IMAGE, RECEIPT, RECORD


class PixelRewards:
    """Feeds a `PixelMonitor` what a reward monitor's node hears."""

    def __init__(self, node: Any, publish: Callable[[float, bool], None]) -> None:
        """Reads the classifier and subscribes.

        Args:
            node: the reward monitor.
            publish: takes the stamp of a judged state, and whether it is a success.

        Raises:
            ContractError, ClassifierError: it cannot judge this task.
        """
        import torch  # late: of no use to monitors that judge by numbers

        torch.set_num_threads(1)
        values, contract = node.values, node.contract
        self._node, self._publish = node, publish
        self._audit = Path(values["out"]) / OVERRIDES_FILE
        classifier = classifier_of(Path(values["success_classifier"]), contract)
        # The first judgement of a process takes long, and must not be that of a state.
        size_px = classifier.view.size_px
        classifier.probability(np.zeros((size_px, size_px, 3), np.uint8))
        self._monitor = PixelMonitor(
            contract,
            classifier,
            lockstep=node.lockstep,
            audit=self._audit,
        )
        self._unwritten = ""
        camera = task_camera(contract).name
        self._look_client = node.client_of(Trigger, f"{camera}/trigger")
        node.listen(JointState, "joint_states", self._state, RECEIPT)
        node.listen(Image, f"{camera}/observation", self._picture, IMAGE)
        node.listen(EpisodeEvent, "episode_event", self._event, RECORD)
        node.listen(EpisodeEvent, "teleop/event", self._person_says, RECORD)

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Whether there are pictures to judge by."""
        monitor = self._monitor
        figures = {"judged": monitor.judged, "unjudged": monitor.unjudged}
        if trouble := self._unwritten or monitor.trouble():
            return ERROR, trouble, figures
        return OK, "judging pictures" if monitor.running else "no episode runs", figures

    def _state(self, message: JointState) -> None:
        self._say(self._monitor.on_state(to_seconds(message.header.stamp)))
        self._look()

    def _picture(self, message: Image) -> None:
        try:
            picture = read_image(message)
            self._say(self._monitor.on_picture(to_seconds(message.header.stamp), picture))
        except ImageError as error:
            raise MessageError(str(error)) from None

    def _event(self, message: EpisodeEvent) -> None:
        if message.event == EpisodeEvent.START:
            episode = f"{message.actor_id}/{message.episode}"
            self._monitor.on_start(episode, to_seconds(message.header.stamp))
            self._look()
        elif message.event == EpisodeEvent.END:
            self._monitor.on_end()

    def _person_says(self, message: EpisodeEvent) -> None:
        label = read_label(message)
        if message.event != EpisodeEvent.END or label not in (Outcome.SUCCESS, Outcome.FAILURE):
            return
        who = " at ".join(filter(None, (message.note, message.actor_id)))
        log = self._node.get_logger()
        try:
            said = self._monitor.on_word(label is Outcome.SUCCESS, who)
        except OSError as error:
            self._unwritten = (
                f"{self._audit}: {error.strerror}: the word of {who} is not written down; the "
                "actor ends the episode by it all the same"
            )
            log.error(self._unwritten)
            return
        if said is None:
            log.warning(
                f"{who} says {label.value}, and no episode runs: label the recorded one, "
                "robot-learning episodes label"
            )
            return
        self._unwritten = ""
        log.info(f"{who} says {label.value}; that holds, and is written to {self._audit}")
        self._say(said)

    def _say(self, judged: Iterable[JudgedState]) -> None:
        for state in judged:
            self._publish(state.stamp_s, state.judgement.success)

    def _look(self) -> None:
        """Asks for a picture where time stands still; a state that is said again asks again."""
        if self._monitor.wants_picture and self._look_client.service_is_ready():
            self._look_client.call_async(Trigger.Request())
