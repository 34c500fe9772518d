"""What the doubt of a policy's model does to an action: it slows it or refuses it, nothing else."""

from __future__ import annotations

from robot_learning.contract.robot import DoubtLimits


def share_of_speed(limits: DoubtLimits, doubt: float) -> float:
    """How much of its motion is left to an action that is doubted.

    Args:
        limits: of the robot.
        doubt: ratio to the usual disagreement of the model's members; 0 where there is no model.

    Returns:
        1 up to `slow_above`, from there on in inverse proportion to the doubt; 0, refused, above
        `stop_above` and for what is no doubt at all: negative, infinite or not a number.
    """
    if not 0.0 <= doubt <= limits.stop_above:  # also NaN
        return 0.0
    return 1.0 if doubt <= limits.slow_above else limits.slow_above / doubt


def why_refused(limits: DoubtLimits, doubt: float) -> str:
    """One line for an action of which nothing is left."""
    if doubt > limits.stop_above:
        return (
            f"the policy's model knows too little of this state (ratio {doubt:.1f}, "
            f"stop_above {limits.stop_above:g}): take the arm back to where it has learned, or "
            "gather data here"
        )
    return f"{doubt} is no ratio to the model's usual disagreement: check what sends it"
