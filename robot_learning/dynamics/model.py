"""What planning and policies ask of a model of dynamics."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Protocol

from pydantic import Field
from torch import Tensor

from robot_learning.contract.base import StrictModel

NOT_FITTED = "the model was asked before it was fitted: gather data and fit it"


class DynamicsError(ValueError):
    """A model cannot be fitted or asked. One line: what there is, what is wanted, what to do."""


class FitSettings(StrictModel):
    """What the fit of every model has."""

    held_out_share: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        0.15, description="Of the episodes; they say how good a model is, and when to stop."
    )
    transitions_min: Annotated[int, Field(ge=1)] = Field(
        50, description="Fewer are too few to begin with."
    )


class DynamicsModel(Protocol):
    """A distribution over the change of an observation, by one or several members.

    Members are asked side by side, each about rows of its own: tensors are (members, n, size).
    """

    @property
    def fitted(self) -> bool:
        """It has learned something."""

    @property
    def members(self) -> int:
        """How many; 1 for a model that is no ensemble."""

    def predict(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the next observation.

        Args:
            observations: shape (members, n, o).
            actions: shape (members, n, a), in units of [-1, 1].

        Returns:
            Both of shape (members, n, o); the deviation is that of one member's noise, zero for a
            model without any.

        Raises:
            DynamicsError: the model was not fitted.
        """


class StoredModel(DynamicsModel, Protocol):
    """A model that a policy file and a checkpoint can hold; `kinds.MODELS` has all of them.

    Attributes:
        kind: the name that files carry.
        settings: what it was made with.
    """

    kind: ClassVar[str]

    @property
    def settings(self) -> Any:
        """Of the class that `kinds.MODELS` names, a `FitSettings`."""

    def disagreement(self, observations: Tensor, actions: Tensor) -> Tensor:
        """How little is known of the mean, in units of the changes' spread.

        Args:
            observations: shape (n, o).
            actions: shape (n, a).

        Returns:
            shape (n,): root mean square over dimensions of the mean's deviation: over members
            where there are several, else as the method has it.
        """

    def state_dict(self) -> dict[str, Tensor]:
        """Everything needed to predict, and to go on; copies."""

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Goes on from a `state_dict`, also from one whose tensors are all float32.

        Raises:
            DynamicsError, KeyError, RuntimeError: they do not fit together.
        """


def require_enough(
    count: int, wanted: int, what: str = "a model", remedy: str = ", or lower transitions_min"
) -> None:
    """Refuses to fit a model to too little.

    Args:
        count: transitions that there are.
        wanted: that are wanted.
        what: is to be fitted.
        remedy: how fewer would do.

    Raises:
        DynamicsError: says both numbers.
    """
    if count < wanted:
        raise DynamicsError(
            f"{count} transitions are too few to fit {what}, {wanted} are wanted: "
            f"gather more{remedy}"
        )


def tensor_of(tensors: dict[str, Tensor], name: str, *shape: int | None) -> Tensor:
    """A copy of one of the tensors of a file, float32.

    Args:
        tensors: of a `state_dict`.
        name: of one of them.
        shape: what it must have; None for any length.

    Raises:
        DynamicsError: its shape is another.
        KeyError: it is not there.
    """
    found = tensors[name]
    fits = found.dim() == len(shape) and all(
        wanted in (None, size) for wanted, size in zip(shape, found.shape, strict=True)
    )
    if not fits:
        raise DynamicsError(f"{name} has shape {tuple(found.shape)}, expected {shape}")
    return found.float().clone()
