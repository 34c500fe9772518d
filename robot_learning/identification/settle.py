"""From what was identified to what is written: values of the contract, and ranges to vary."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from robot_learning.identification.estimates import Estimate, Identification
from robot_learning.identification.recording import sha256_of

RESPONSE = (
    "stiffness_1_s2",
    "damping_1_s",
    "viscous_friction_1_s",
    "coulomb_friction_rad_s2",
)
SPREAD_MIN = 0.1
"""Ranges are at least so wide, either way: an arm on another day, with another tool in its hand."""
DELAY_SPREAD_S = 0.005
FACTOR_MAX = 2.0


def values_of(found: Identification, recording: Path) -> dict[str, Any]:
    """What goes into a robot's YAML, by dotted key.

    Args:
        found: the result.
        recording: the file it is of, or the first of them.
    """
    measured: dict[str, Any] = {
        "date": datetime.now(UTC).date().isoformat(),
        "recording": recording.name,
        "recording_sha256": sha256_of(recording),
        "control_delay_s": _range(found.control_delay_s),
    }
    values: dict[str, Any] = {"simulation.control_delay_s": _short(found.control_delay_s.value)}
    if found.state_latency_s is not None:
        values["simulation.state_latency_s"] = _short(found.state_latency_s.value)
        measured["state_latency_s"] = _range(found.state_latency_s)
    response = {}
    for name in RESPONSE:
        estimates: tuple[Estimate, ...] = getattr(found, name)
        response[name] = [_short(each.value) for each in estimates]
        measured[name] = [_range(each) for each in estimates]
    values["simulation.response"] = response
    values["simulation.identified"] = measured
    return values


def suggested_randomisation(found: Identification) -> dict[str, Any]:
    """Ranges for training: as wide as the worst joint's interval, and no narrower than usual."""
    delay = found.control_delay_s
    return {
        "control_delay_s": [
            _short(max(0.0, min(delay.low, delay.value - DELAY_SPREAD_S))),
            _short(max(delay.high, delay.value + DELAY_SPREAD_S)),
        ],
        "stiffness_factor": _factor(found.stiffness_1_s2),
        "damping_factor": _factor(found.damping_1_s),
        "friction_factor": _factor(found.viscous_friction_1_s + found.coulomb_friction_rad_s2),
    }


def _factor(estimates: tuple[Estimate, ...]) -> list[float]:
    known = [each for each in estimates if each.value > 1e-3]
    low = min((each.low / each.value for each in known), default=1.0)
    high = max((each.high / each.value for each in known), default=1.0)
    return [
        _short(max(1.0 / FACTOR_MAX, min(low, 1.0 - SPREAD_MIN))),
        _short(min(FACTOR_MAX, max(high, 1.0 + SPREAD_MIN))),
    ]


def _range(estimate: Estimate) -> list[float]:
    return [_short(estimate.low), _short(estimate.high)]


def _short(value: float) -> float:
    """Four digits: more of a measurement is noise. Nothing below a millionth is anything."""
    return float(f"{value:.4g}") if abs(value) >= 1e-6 else 0.0
