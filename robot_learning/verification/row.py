"""What one line of the verification table says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Measure = Literal["return", "success"]


@dataclass(frozen=True, kw_only=True)
class Quick:
    """How a row is shortened for continuous integration: one seed, within a minute or so.

    Attributes:
        steps: instead of the row's.
        bar: instead of the row's.
        hyper_parameters: on top of the row's.
    """

    steps: int
    bar: float
    hyper_parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A method on an environment, what it must reach there, and whose figure says so.

    Each seed is trained with `robot-learning train`; the policy file it leaves is judged with
    `robot-learning evaluate`: no exploration, `episodes` episodes it did not train on.

    Attributes:
        name: as on the command line and as a folder.
        algorithm: name of the method.
        environment: Gymnasium id.
        import_module: module whose import registers the id.
        steps: training steps in the environment.
        hyper_parameters: what differs from the method's defaults.
        demonstrations: episodes that a scripted expert shows each seed first; 0 for none.
        expert_steps: training steps of an expert, PPO of Stable-Baselines3, that is made first for
            each seed and asked by a method that imitates; 0 for none.
        seeds: 0 to seeds - 1 are run.
        episodes: of the evaluation, each seed.
        evaluate_every: judge the best of the policies found every so many training steps, instead
            of the last one; 0 judges the last.
        measure: what is compared with the bar: mean return, or share of successful episodes.
        bar: what the mean over seeds must at least be; None where the row is there to compare.
        better_than: rows whose interval must end below where this row's begins.
        reference: the figure that the bar comes from, and its source.
        quick: the shortened row; None leaves it out of `--quick`.
        cores: that one seed keeps busy.
        unit: of `steps`.
        control_hz: of an arm that would take these steps; its minutes are what curves are drawn
            over. None where there is no arm.
        copies: it learns from demonstrations alone and takes no steps of its own.
    """

    name: str
    algorithm: str
    environment: str
    steps: int
    bar: float | None
    reference: str
    measure: Measure = "return"
    import_module: str | None = None
    hyper_parameters: Mapping[str, Any] = field(default_factory=dict)
    demonstrations: int = 0
    expert_steps: int = 0
    seeds: int = 3
    episodes: int = 100
    evaluate_every: int = 0
    better_than: tuple[str, ...] = ()
    quick: Quick | None = None
    cores: int = 1
    unit: str = "steps"
    control_hz: float | None = None
    copies: bool = False

    @property
    def length(self) -> str:
        """How long a seed is trained, in words."""
        if self.copies:
            return f"{self.demonstrations} demonstrations"
        said = f"{self.steps:,} {self.unit}"
        if self.control_hz is None:
            return said
        return f"{said}, {self.steps / self.control_hz / 60:.1f} robot minutes"

    def shortened(self) -> Row:
        """The row as `--quick` runs it.

        Raises:
            ValueError: it has no quick form.
        """
        if self.quick is None:
            raise ValueError(f"{self.name} has no quick form")
        return replace(
            self,
            name=f"{self.name}-quick",
            steps=self.quick.steps,
            bar=self.quick.bar,
            hyper_parameters={**self.hyper_parameters, **self.quick.hyper_parameters},
            seeds=1,
            better_than=(),
        )
