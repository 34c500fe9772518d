"""Does identification find what it is not told? An arm with hidden parameters, and what comes out.

Each draw hides another delay, latency and response in the simulator, excites the arm through the
safety gate, and identifies it from the recording and the robot's own contract alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from robot_learning.contract import Contract
from robot_learning.hardware import Hardware
from robot_learning.identification.estimates import Estimate, Identification
from robot_learning.identification.excitation import excite, plan_excitation
from robot_learning.identification.fit import identify

GAIN_ERROR_MAX = 0.10
DELAY_MAX_S, LATENCY_MAX_S = 0.1, 0.02
FREQUENCY_HZ, DAMPING_RATIO = (2.0, 8.0), (0.5, 1.2)
VISCOUS_MAX_1_S, COULOMB_MAX_RAD_S2 = 4.0, 0.6
NOISE_RAD = 5e-5
GAINS = ("stiffness_1_s2", "damping_1_s")
FRICTION = ("viscous_friction_1_s", "coulomb_friction_rad_s2")


@dataclass(frozen=True)
class Draw:
    """One hidden arm.

    Attributes:
        seed: of what was hidden.
        passed: delay within a control period and every gain within a tenth.
        figures: errors, and how often the truth lay within the intervals.
    """

    seed: int
    passed: bool
    figures: dict[str, Any]


def hide(contract: Contract, seed: int) -> Contract:
    """The contract with an arm that is otherwise, drawn from a seed."""
    rng = np.random.default_rng([seed, 7])
    low, high = map(math.log, FREQUENCY_HZ)
    angular = 2.0 * np.pi * np.exp(rng.uniform(low, high, 7))
    data = contract.model_dump(mode="json")
    data["robot"]["simulation"] |= {
        "control_delay_s": float(rng.uniform(0.0, DELAY_MAX_S)),
        "state_latency_s": float(rng.uniform(0.0, LATENCY_MAX_S)),
        "position_noise_rad": NOISE_RAD,
        "response": {
            "stiffness_1_s2": (angular**2).tolist(),
            "damping_1_s": (2.0 * rng.uniform(*DAMPING_RATIO, 7) * angular).tolist(),
            "viscous_friction_1_s": rng.uniform(0.0, VISCOUS_MAX_1_S, 7).tolist(),
            "coulomb_friction_rad_s2": rng.uniform(0.0, COULOMB_MAX_RAD_S2, 7).tolist(),
        },
    }
    return Contract.model_validate(data)


def prove(
    contract: Contract,
    open_hidden: Callable[[Contract], Hardware],
    seed: int,
    *,
    seconds_per_joint: float,
    say: Callable[[str], object] = lambda _: None,
) -> Draw:
    """Hides, excites, identifies and compares."""
    hidden = hide(contract, seed)
    say("exciting")
    began_s = time.process_time()
    with closing(open_hidden(hidden)) as hardware:
        plan = plan_excitation(contract, seconds_per_joint=seconds_per_joint, seed=seed)
        recording = excite(hardware, plan, seed=seed)
    found = identify([recording], contract, seed=seed, say=say)
    return _compare(contract, hidden, found, seed, time.process_time() - began_s)


def _compare(
    contract: Contract, hidden: Contract, found: Identification, seed: int, cpu_s: float
) -> Draw:
    truth = hidden.robot.simulation
    assert truth.response is not None and found.state_latency_s is not None
    delay_error_s = found.control_delay_s.value - truth.control_delay_s
    figures: dict[str, Any] = {
        "control_delay_s": truth.control_delay_s,
        "control_delay_error_s": delay_error_s,
        "state_latency_error_s": found.state_latency_s.value - truth.state_latency_s,
        "residual_rad": float(found.residual_rad.max()),
        "cpu_s": cpu_s,
    }
    held = [_holds(found.control_delay_s, truth.control_delay_s)]
    worst = 0.0
    for name in GAINS + FRICTION:
        estimates = getattr(found, name)
        truths = getattr(truth.response, name)
        errors = [e.value - t for e, t in zip(estimates, truths, strict=True)]
        if name in GAINS:
            errors = [error / t for error, t in zip(errors, truths, strict=True)]
            worst = max(worst, *map(abs, errors))
        figures[f"{name}_{'relative_' if name in GAINS else ''}error"] = errors
        held += [_holds(e, t) for e, t in zip(estimates, truths, strict=True)]
    figures |= {"worst_gain_error": worst, "in_interval": sum(held), "intervals": len(held)}
    passed = abs(delay_error_s) <= contract.control_period_s and worst <= GAIN_ERROR_MAX
    return Draw(seed, passed, figures)


def _holds(estimate: Estimate, truth: float) -> bool:
    return estimate.low <= truth <= estimate.high
