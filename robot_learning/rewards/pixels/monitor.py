"""Judges the states of an episode by pictures, as both come over a graph: in any order, or late.

In lockstep a state is judged by a picture of this very state, which is asked for. In real time it
is judged by the newest picture, as long as that is no older than the contract allows.
"""

from __future__ import annotations

import math
from collections import deque
from pathlib import Path
from typing import NamedTuple

from robot_learning.contract import Contract
from robot_learning.perception.image_pipeline import ImageError, require_light
from robot_learning.perception.task_camera import task_camera
from robot_learning.replay.images import UInt8
from robot_learning.rewards.pixels.classifier import SuccessClassifier
from robot_learning.rewards.pixels.judge import PixelJudge, PixelJudgement

OVERRIDES_FILE = "success_overrides.jsonl"
_STATES_KEPT = 64
_STATE_PERIODS_APART = 1.5
_SAME_S = 1e-6


class JudgedState(NamedTuple):
    """A state's stamp, and what is thought of its picture."""

    stamp_s: float
    judgement: PixelJudgement


class PixelMonitor:
    """Follows one actor's episodes; knows nothing of a state but its stamp.

    Attributes:
        running: an episode runs.
        judged: states that were judged.
        unjudged: states that never were, because no picture was near enough.
        bad: why the newest picture could not be used, one line; None when it could.
    """

    def __init__(
        self,
        contract: Contract,
        classifier: SuccessClassifier,
        *,
        lockstep: bool,
        audit: Path | None = None,
    ) -> None:
        """Begins with nothing.

        Args:
            contract: robot and task.
            classifier: of the task's picture.
            lockstep: time stands still between commands.
            audit: see `PixelJudge`.
        """
        camera = task_camera(contract)
        self._camera = camera.name
        self._lockstep = lockstep
        same_s = _STATE_PERIODS_APART / contract.robot.rates.state_hz
        self._apart_s = same_s if lockstep else camera.age_max_s
        self._judge = PixelJudge(classifier, contract.control_period_s, audit)
        self._episode = ""
        # In lockstep only the newest state can still be seen.
        self._waiting: deque[float] = deque(maxlen=1 if lockstep else _STATES_KEPT)
        self._begins_s = math.inf
        self._state_s = self._picture_s = -math.inf  # the newest
        self.running = False
        self.judged = self.unjudged = 0
        self.bad: str | None = None

    @property
    def wants_picture(self) -> bool:
        """A picture of the present moment must be asked for: time stands still until it comes."""
        return self._lockstep and bool(self._waiting)

    def trouble(self) -> str | None:
        """Why states are not judged at present, one line; None while they are."""
        if self.bad is not None:
            return self.bad
        if not self.running or not self._waiting:
            return None
        if self._picture_s == -math.inf:
            return f"no picture of {self._camera} in this episode: is the camera node running?"
        age_s = self._waiting[-1] - self._picture_s
        if self._lockstep or age_s <= self._apart_s:
            return None
        return (
            f"the newest picture of {self._camera} is {age_s:.3f} s old (limit {self._apart_s} s): "
            "nothing is judged by it"
        )

    # What the graph says.

    def on_start(self, episode: str, stamp_s: float) -> None:
        """An episode begins with the state of this stamp, in which nothing was done yet."""
        newest_s = self._state_s
        self._episode, self.running = episode, True
        self._judge.begin()
        self._begins_s = stamp_s
        self._state_s = self._picture_s = -math.inf
        self._waiting.clear()
        if newest_s > stamp_s + _SAME_S:  # it came before the news
            self.on_state(newest_s)

    def on_end(self) -> None:
        """The episode is over."""
        self.running = False
        self._waiting.clear()

    def on_state(self, stamp_s: float) -> list[JudgedState]:
        """A state was measured; the states that can be judged now."""
        is_new = stamp_s > self._state_s + _SAME_S
        self._state_s = stamp_s
        if not self.running or not is_new or stamp_s <= self._begins_s + _SAME_S:
            return []
        if len(self._waiting) == self._waiting.maxlen:
            self.unjudged += 1
        self._waiting.append(stamp_s)
        return self._drain()

    def on_picture(self, stamp_s: float, picture: UInt8) -> list[JudgedState]:
        """A picture; the states that can be judged now.

        Args:
            stamp_s: when it was taken, on the clock of the states.
            picture: RGB, shape (size, size, 3).

        Raises:
            ImageError: it has another size than the classifier's, or shows nothing.
        """
        if not self.running or stamp_s <= max(self._begins_s, self._picture_s) + _SAME_S:
            return []
        if self._lockstep and not (self._waiting and self._fits(self._waiting[0], stamp_s)):
            return []
        try:
            require_light(picture)
            self._judge.judge(picture, stamp_s)
        except ValueError as error:
            self.bad = f"picture of {self._camera}: {error}"
            raise ImageError(self.bad) from None
        self.bad, self._picture_s = None, stamp_s
        return self._drain()

    def on_word(self, success: bool, by: str) -> list[JudgedState] | None:
        """A person says how the running episode went; the states that can be judged now.

        None where no episode runs, which leaves nothing to say.

        Raises:
            OSError: it cannot be written down, and does not hold.
        """
        if not self.running:
            return None
        self._judge.override(success, by, self._episode)
        return self._drain()

    def _fits(self, state_s: float, picture_s: float) -> bool:
        return abs(state_s - picture_s) <= self._apart_s + _SAME_S

    def _drain(self) -> list[JudgedState]:
        """Judges, in order, every state that the newest picture, or a person, says something of."""
        judgement, said = self._judge.present, list[JudgedState]()
        while self._waiting:
            state_s = self._waiting[0]
            if judgement.overridden or self._fits(state_s, self._picture_s):
                said.append(JudgedState(state_s, judgement))
            elif state_s < self._picture_s:
                self.unjudged += 1  # every later picture is further from it
            else:
                break
            self._waiting.popleft()
        self.judged += len(said)
        return said
