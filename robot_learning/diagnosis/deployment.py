"""Whether a policy may be tried on a robot: what can be known before anything moves."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from robot_learning.contract import Contract
from robot_learning.contract.contract import differences
from robot_learning.contract.task import SCENE_FIELDS
from robot_learning.diagnosis.check import Check, fail, ok, warn
from robot_learning.envs.observation import Observer, field_slices
from robot_learning.hardware import RobotState
from robot_learning.networks import Policy
from robot_learning.planning.deadline import plan_budget_s
from robot_learning.training.policy_file import PolicyFile, PolicyFileError, read_policy

DECISIONS = 200
_DECISION_SHARE_MAX = 0.5
"""Of the control period; the rest is for messages and for what else the machine does."""
_REDUCED_SPEED_M_S = 0.25
_SUCCESS_MIN = 0.8
_KEYS_SHOWN = 6


def check_deployment(
    directory: Path, contract: Contract, decisions: int = DECISIONS
) -> list[Check]:
    """Every finding, in the order in which a person would mend them.

    Args:
        directory: of the policy's two files.
        contract: of the robot and task at hand.
        decisions: that are timed on this machine.
    """
    try:
        file = read_policy(directory)
    except PolicyFileError as error:
        return [fail("files", str(error), "copy policy.safetensors and policy.json again")]
    found = [ok("files", f"{file.algorithm}, version {file.policy.version}")]
    if file.contract is None:
        mend = "train on a task of a contract: robot-learning train TASK"
        return [*found, fail("contract", f"trained on {file.environment}", mend)]
    found.append(_contract(contract, file.contract))
    if not file.policy.ready:
        found.append(fail("learned", "its model was never fitted", "train it with more steps"))
    if file.contract.sha256 != contract.sha256 or not file.policy.ready:
        return found
    inputs = _at_home(contract)
    return [
        *found,
        _rates(contract),
        _decisions(file.policy, inputs, contract, decisions),
        _normaliser(file.policy, inputs, contract),
        _actions(file.policy),
        _speed(contract),
        _success(file),
        _revision(file),
    ]


def _contract(ours: Contract, theirs: Contract) -> Check:
    rows = differences(ours, theirs)
    if not rows:
        return ok("contract", f"{ours.robot.name}, {ours.task.name}, {ours.sha256[:12]}")
    shown = "; ".join(f"{key}: {a!r} here, {b!r} in training" for key, a, b in rows[:_KEYS_SHOWN])
    more = f"; {len(rows) - _KEYS_SHOWN} more" if len(rows) > _KEYS_SHOWN else ""
    mend = "train with this robot and task: robot-learning contract diff shows all"
    return fail("contract", shown + more, mend)


def _at_home(contract: Contract) -> np.ndarray:
    """Observation and goal of the arm at home; objects and targets amid the workspace."""
    home = np.array([joint.home_position_rad for joint in contract.robot.arm.joints])
    width = contract.robot.gripper.width_max_m
    still = np.zeros(len(home))
    state = RobotState(0.0, home, still, still, width, 0.0, 0.0, np.zeros(6))
    middle = (np.array(contract.workspace.min_m) + np.array(contract.workspace.max_m)) / 2.0
    scene = dict.fromkeys(contract.task.scene, middle)
    observation, achieved = Observer(contract).observe(state, scene)
    goal = middle.astype(np.float32) if achieved.size else achieved
    return np.concatenate([observation, goal])


def _rates(contract: Contract) -> Check:
    rates, hz = contract.robot.rates, contract.task.control_hz
    fact = (
        f"decides at {hz:.0f} Hz, commands at {rates.command_hz:.0f}, states {rates.state_hz:.0f}"
    )
    if rates.state_hz < 2.0 * hz:
        return fail("rates", fact, "states must come at twice the control rate or faster")
    if rates.command_hz % hz:
        return warn("rates", fact, "choose a control rate that divides the command rate")
    return ok("rates", fact)


def _decisions(policy: Policy, inputs: np.ndarray, contract: Contract, count: int) -> Check:
    budget_s = plan_budget_s(contract, 0.0, real_time=True)
    size = policy.observation_size
    observation, goal = inputs[:size], inputs[size:]
    asked = policy.within(budget_s)
    asked.begin()
    taken_s = []
    for _ in range(count):
        begun_s = time.perf_counter()
        asked.act(observation, goal if goal.size else None)
        taken_s.append(time.perf_counter() - begun_s)
    p99_ms = 1e3 * float(np.percentile(taken_s, 99))
    period_ms = 1e3 * contract.control_period_s
    fact = f"p99 {p99_ms:.2f} ms of {period_ms:.0f} ms (n = {count}, this machine)"
    mend = policy.lighter and f"lower {policy.lighter}"
    if p99_ms > period_ms:
        return fail("decisions", fact, mend or "a faster machine, or one with less to do")
    planned_ms = 1e3 * budget_s if asked.thought is not None and budget_s else 0.0
    if p99_ms > max(_DECISION_SHARE_MAX * period_ms, 1.1 * planned_ms):
        return warn("decisions", fact, mend or "leave the machine less to do")
    return ok("decisions", fact)


def _normaliser(policy: Policy, inputs: np.ndarray, contract: Contract) -> Check:
    name = "normaliser"
    if len(policy.mean) != len(inputs):
        fact = f"{len(policy.mean)} inputs, the contract has {len(inputs)}"
        return fail(name, fact, "train it anew")
    off = np.abs((inputs - policy.mean) / policy.std)
    # Of the robot alone: where objects lie is not known here.
    own = {
        key: float(off[where].max())
        for key, where in field_slices(contract).items()
        if key not in SCENE_FIELDS
    }
    field = max(own, key=lambda key: own[key])
    fact = f"at home {field} is {own[field]:.1f} deviations from what training saw"
    if own[field] > policy.clip:
        mend = f"beyond the clip of {policy.clip:g}: it was trained from another home, or on others"
        return warn(name, fact, mend)
    return ok(name, fact)


def _actions(policy: Policy) -> Check:
    low, high = float(policy.action_low.min()), float(policy.action_high.max())
    fact = f"{policy.action_size} numbers, {low:g} to {high:g}"
    if low < -1.0 or high > 1.0:
        return fail("actions", fact, "actions of a contract are in -1 to 1: train it anew")
    return ok("actions", fact)


def _speed(contract: Contract) -> Check:
    top = contract.robot.operation.tcp_speed_max_m_s
    fact = f"tool at {top:g} m/s at most"
    if top > _REDUCED_SPEED_M_S:
        mend = f"above the reduced speed of {_REDUCED_SPEED_M_S} m/s: is that meant?"
        return warn("speed", fact, mend)
    return ok("speed", fact)


def _success(file: PolicyFile) -> Check:
    evaluation = file.metrics.get("evaluation") or {}
    rate, n = evaluation.get("success_rate"), evaluation.get("n")
    if rate is None:
        mend = "robot-learning evaluate: a policy that was never judged is no policy for an arm"
        return warn("success in simulation", "never evaluated", mend)
    fact = f"{rate:.2f} (n = {n})"
    if rate < _SUCCESS_MIN:
        return warn("success in simulation", fact, "train it longer before it meets an arm")
    return ok("success in simulation", fact)


def _revision(file: PolicyFile) -> Check:
    if file.git_revision is None:
        return warn("revision", "unknown", "train from a checkout, to know what learned it")
    return ok("revision", file.git_revision[:12])
