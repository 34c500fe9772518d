"""The arm's own tasks, learned from demonstrations: the rows of `robot-learning verify tabletop`.

Twenty episodes of the scripted operator are all that a seed is shown; the reward is sparse. Beside
the two methods that learn from demonstrations and from their own steps stand one that only copies
and one that was shown nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robot_learning.training.policy_file import DESCRIPTION_FILE
from robot_learning.training.run_directory import CONFIG_FILE
from robot_learning.verification.gymnasium_seed import GymnasiumSeedRun
from robot_learning.verification.row import Row
from robot_learning.verification.seed_run import COMMAND_LINE

_DEMONSTRATIONS, _CONTROL_HZ = 20, 10.0
_STEPS = 8_000
# Pictures that the classifier learns from are of no seed's episodes.
_SCOUTS, _SCOUT_EPISODES, _FRAMES_EPISODES = (1_000, 1_001), 150, 700


@dataclass(frozen=True, kw_only=True)
class TabletopRow(Row):
    """A method on a task of the contract; `environment` is the task.

    Attributes:
        from_pictures: a classifier's word on the camera's pictures is the only reward of training;
            the evaluation is judged by the task.
    """

    from_pictures: bool = False


class TabletopSeedRun(GymnasiumSeedRun):
    """The classifier where the row learns by its word, once for all seeds; else as its base."""

    row: TabletopRow

    def world(self) -> list[str]:
        """See `GymnasiumSeedRun`."""
        return [self.row.environment]

    def preparations(self) -> list[list[str]]:
        """Labelled pictures, and a classifier of them, in two rounds.

        A policy that learns by a classifier's word finds what that is wrong about: it hovers where
        nothing is lifted. So scouts learn by the word of the first one, on seeds that are no
        row's, and their pictures are labelled and learned from too.
        """
        if not self.row.from_pictures or self._made("classifier").exists():
            return []
        task, frames = self.row.environment, str(self._made("frames"))
        first = str(self._made("first-classifier"))
        collect = ["collect", task, "--out", frames]
        seeded = ["--seed", str(_SCOUTS[0])]
        fit = ["reward", "fit", frames, *seeded, "--out"]
        many = ["--episodes", str(_FRAMES_EPISODES), *seeded]
        chain = [["reward", *collect, *many], [*fit, first]]
        for seed in _SCOUTS:
            chain += self._scout(seed, first)
            plays = ["--policy", str(self._made(f"scout-{seed}")), "--seed", str(seed)]
            chain.append(["reward", *collect, *plays, "--episodes", str(_SCOUT_EPISODES)])
        chain.append([*fit, str(self._made("classifier"))])
        return [[*COMMAND_LINE, *words] for words in chain]

    def _scout(self, seed: int, classifier: str) -> list[list[str]]:
        """What of a scout was not made yet; one that was stopped goes on."""
        row, shown, scout = self.row, self._made(f"scout-{seed}.steps"), self._made(f"scout-{seed}")
        chain, seeded = list[list[str]](), ["--seed", str(seed)]
        if not shown.exists():
            shows = ["--episodes", str(row.demonstrations), *seeded]
            chain.append(["demonstrate", row.environment, "--out", str(shown), *shows])
        if not (scout / DESCRIPTION_FILE).exists():
            learns = ["--algorithm", row.algorithm, "--steps", str(row.steps), *seeded]
            by = ["--demonstrations", str(shown), "--success-classifier", classifier]
            resume = ["--resume"] if (scout / CONFIG_FILE).exists() else []
            out = ["--out", str(scout), *resume]
            chain.append(["train", row.environment, *learns, *by, *out])
        return chain

    def more(self) -> list[str]:
        """See `GymnasiumSeedRun`."""
        pictures = ["--success-classifier", str(self._made("classifier"))]
        return [*super().more(), *(pictures if self.row.from_pictures else [])]

    def _made(self, what: str) -> Path:
        """What is made once for all seeds."""
        return self.directory.parents[1] / "pictures" / f"{self.row.environment}-{what}"


def _rows(task: str) -> tuple[TabletopRow, ...]:
    every: Mapping[str, Any] = {
        "environment": task,
        "measure": "success",
        "control_hz": _CONTROL_HZ,
        "steps": _STEPS,
    }
    shown: Mapping[str, Any] = {**every, "demonstrations": _DEMONSTRATIONS}
    return (
        TabletopRow(
            name=f"rlpd-{task}",
            algorithm="rlpd",
            bar=0.9,
            reference="0.90 within 20 minutes on 2 cores",
            **shown,
        ),
        TabletopRow(
            name=f"ddpgfd-{task}",
            algorithm="ddpgfd",
            bar=0.9,
            reference="0.90 within 20 minutes on 2 cores",
            **shown,
        ),
        TabletopRow(
            name=f"bc-{task}",
            algorithm="bc",
            copies=True,
            bar=None,
            reference="for comparison: no steps of its own",
            **shown,
        ),
        TabletopRow(
            name=f"ddpg-{task}",
            algorithm="ddpg",
            bar=None,
            reference="for comparison: no demonstrations",
            **every,
        ),
    )


TABLETOP_ROWS: tuple[TabletopRow, ...] = (
    *_rows("lift"),
    *_rows("insertion"),
    TabletopRow(
        name="rlpd-lift-pictures",
        algorithm="rlpd",
        environment="lift",
        measure="success",
        control_hz=_CONTROL_HZ,
        steps=6_000,
        demonstrations=_DEMONSTRATIONS,
        from_pictures=True,
        bar=0.85,
        reference="a classifier's word on pictures is the only reward",
    ),
)
"""The table of the arm's own tasks."""
