import numpy as np
import pytest
from controlled_arm import ControlledArm
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_learning.control.action import ActionKind
from robot_learning.control.tcp_servo import CONDITION_HALT, CONDITION_SLOW
from robot_learning.kinematics.arm_kinematics import condition_number, turn
from robot_learning.safety.state_machine import SafetyError, SafetyMode

ROBOTS = ("panda", "fr3", "iiwa7")
AXES = [np.eye(3)[i] * sign for i in range(3) for sign in (1.0, -1.0)]
seeds = st.integers(0, 2**32)


@pytest.fixture
def arm():
    return ControlledArm().arm()


@pytest.mark.parametrize("robot", ROBOTS)
@pytest.mark.parametrize("action", AXES, ids=str)
def test_a_unit_action_moves_the_tool_at_the_tasks_speed(robot, action):
    arm = ControlledArm(robot).arm()
    speed = arm.contract.task.action.speed_max_m_s
    for _ in range(10):
        done = arm.period(action)
    assert done.limits == () and not done.refused
    np.testing.assert_array_equal(done.executed, action)
    along = np.array(arm.tool_velocities)[:, :3] @ action
    assert along[-1] == pytest.approx(speed, rel=0.02)
    assert along.max() <= 1.03 * speed
    assert np.argmax(along > 0.9 * speed) < 3 * arm.contract.commands_per_action
    moved = (arm.tools[-1] - arm.tools[-6]) @ action
    assert moved == pytest.approx(speed * arm.contract.control_period_s, rel=0.02)


@pytest.mark.parametrize("action", AXES, ids=str)
def test_a_straight_action_moves_straight_and_holds_the_orientation(arm, action):
    begin, rotation = arm.kinematics.tcp_pose(arm.position)
    for _ in range(15):
        arm.period(action)
    end, turned = arm.kinematics.tcp_pose(arm.position)
    sideways = (end - begin) - action * ((end - begin) @ action)
    assert np.linalg.norm(sideways) < 2e-3
    assert np.linalg.norm(turn(turned, rotation)) < 5e-3


def test_the_largest_action_passes_unlimited(arm):
    for _ in range(8):
        done = arm.period(np.array([-1.0, -1.0, -1.0]))
    assert done.limits == ()
    np.testing.assert_array_equal(done.executed, [-1.0, -1.0, -1.0])


def test_a_zero_action_brings_the_arm_to_exact_rest(arm):
    for _ in range(5):
        arm.period(np.array([1.0, 0.5, 0.0]))
    for _ in range(5):
        done = arm.period(np.zeros(3))
    assert arm.controller.at_rest and done.limits == ()


def test_when_actions_stop_the_arm_rests_and_says_so_without_a_latch(arm):
    # rosaria#51: without a watchdog on commands, a robot collided with expensive equipment.
    for _ in range(8):
        arm.period(np.array([1.0, 0.0, 0.0]))
    place = arm.tools[-1]
    limits = arm.ticks(50)
    assert arm.controller.at_rest
    assert "action_timeout" in limits and arm.controller.limit_counts["action_timeout"] == 1
    assert arm.controller.mode is SafetyMode.ARMED
    speed, rates = arm.contract.task.action.speed_max_m_s, arm.contract.robot.rates
    assert np.linalg.norm(arm.tools[-1] - place) < speed * (
        arm.contract.control_period_s + rates.stop_time_max_s / 2
    )


def test_one_lost_action_is_bridged(arm):
    for _ in range(8):
        arm.period(np.array([0.0, 1.0, 0.0]))
    arm.ticks(arm.contract.commands_per_action)
    assert arm.tool_velocities[-1][1] == pytest.approx(0.14, rel=0.01)


def test_actions_beyond_1_are_clipped_counted_and_reported(arm):
    done = arm.period(np.array([7.0, 0.0, -1e308]))
    np.testing.assert_array_equal(done.requested, [7.0, 0.0, -1e308])
    np.testing.assert_array_equal(done.gated, [1.0, 0.0, -1.0])
    assert done.limits == ("action_range",) and not done.refused
    assert arm.controller.limit_counts["action_range"] == 1


BAD = [
    np.array([np.nan, 0.0, 0.0]),
    np.array([0.0, np.inf, 0.0]),
    np.zeros(2),
    np.zeros(7),
    np.zeros((3, 1)),
    None,
    "up",
    [0.0, None, 0.0],
]


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_a_malformed_action_is_refused_and_the_arm_comes_to_rest(arm, bad):
    for _ in range(5):
        arm.period(np.array([1.0, 0.0, 0.0]))
    done = arm.period(bad)
    assert done.refused and done.limits == ("action_malformed",)
    np.testing.assert_array_equal(done.executed, np.zeros(3))
    arm.ticks(20)
    assert arm.controller.at_rest and arm.controller.mode is SafetyMode.ARMED


def test_five_malformed_actions_in_a_row_latch_a_fault(arm):
    for _ in range(4):
        arm.period(None)
    arm.period(np.zeros(3))  # a good one ends the row
    for _ in range(4):
        arm.period(None)
    assert arm.controller.mode is SafetyMode.ARMED
    arm.period(None)
    assert arm.controller.mode is SafetyMode.FAULT
    assert "5 refused requests in a row" in arm.controller.reason
    assert arm.controller.refused_count == 9


def test_an_action_cut_short_by_a_stop_counts_as_far_as_it_was_done(arm):
    arm.period(np.array([1.0, 0.0, 0.0]))
    arm.controller.request(ActionKind.ACTION, np.array([1.0, 0.0, 0.0]), arm.state(), arm.now_s)
    arm.ticks(2)
    arm.controller.estop()
    arm.ticks(3)
    done = arm.controller.executed_action()
    np.testing.assert_allclose(done.gated, [1.0, 0.0, 0.0])
    np.testing.assert_allclose(done.executed, [0.4, 0.0, 0.0])
    assert arm.period(np.array([1.0, 0.0, 0.0])).refused


def test_nothing_moves_before_arming():
    arm = ControlledArm()
    done = arm.period(np.array([1.0, 0.0, 0.0]))
    assert done.refused and done.limits == ("mode_disarmed",)
    assert arm.controller.tick(0.0, arm.state()).point is None
    assert np.isnan(arm.controller.commanded_position_rad).all()


def test_a_stale_target_does_not_survive_an_arming(arm):
    # moveit2#1885: after a pause the arm went back to the pose commanded before it.
    for _ in range(5):
        arm.period(np.array([1.0, 0.0, 0.0]))
    arm.controller.disarm()
    arm.ticks(30)
    assert arm.controller.mode is SafetyMode.DISARMED
    arm.position = arm.kinematics.home_position_rad + 0.05
    arm.velocity = np.zeros(7)
    arm.arm()
    place = arm.position
    arm.ticks(10)
    np.testing.assert_array_equal(arm.position, place)


def test_arming_a_moving_arm_is_refused():
    arm = ControlledArm()
    arm.velocity = np.full(7, 0.1)
    with pytest.raises(SafetyError, match="moves"):
        arm.arm()


@pytest.mark.parametrize("action", AXES, ids=str)
def test_at_the_wall_the_tool_stops_inside_and_slides_along(arm, action):
    box = arm.contract.robot.operation.workspace
    for _ in range(150):
        done = arm.period(action)
    tools = np.array(arm.tools)
    assert (tools >= box.min_m).all() and (tools <= box.max_m).all()
    assert np.abs(done.executed).max() < 0.05 and done.limits
    if "workspace" in done.limits and "singularity" not in done.limits:
        aside = np.roll(np.abs(action), 1) * -np.sign(arm.tools[-1][np.argmax(np.roll(action, 1))])
        begin = arm.tools[-1]
        for _ in range(8):
            arm.period(action + aside)
        assert np.linalg.norm(arm.tools[-1] - begin) > 0.02


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(ROBOTS), seeds)
def test_the_same_state_and_action_give_the_same_motion(robot, seed):
    rng = np.random.default_rng(seed)
    arms = [ControlledArm(robot).arm() for _ in range(2)]
    for action in rng.uniform(-1.0, 1.0, (10, 3)):
        for arm in arms:
            arm.period(action)
    np.testing.assert_array_equal(arms[0].position, arms[1].position)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(ROBOTS), st.lists(st.tuples(seeds, st.integers(1, 20)), max_size=8))
def test_from_wherever_actions_lead_the_arm_finds_home(robot, walk):
    arm = ControlledArm(robot).arm()
    for seed, periods in walk:
        action = np.random.default_rng(seed).choice([-1.0, 0.0, 1.0], 3)
        for _ in range(periods):
            arm.period(action)
    arm.go_home(periods_max=160)
    np.testing.assert_allclose(arm.position, arm.kinematics.home_position_rad, atol=1e-6)
    assert arm.controller.at_rest and arm.controller.mode is SafetyMode.ARMED


@pytest.mark.parametrize("place", [(0.5, 0.1, 0.0), (0.5, 0.38, 0.3), (0.22, 0.0, 0.4)], ids=str)
def test_home_is_reached_from_outside_the_workspace(place):
    arm = ControlledArm()
    home = arm.kinematics.home_position_rad
    rotation = arm.kinematics.tcp_pose(home)[1]
    arm.position = arm.kinematics.inverse(np.array(place), rotation, home)
    arm.arm()
    arm.go_home(periods_max=160)


def test_home_is_held_when_it_is_asked_for_again(arm):
    assert arm.go_home(periods_max=1) == 0
    arm.period(kind=ActionKind.HOME)
    np.testing.assert_array_equal(arm.position, arm.kinematics.home_position_rad)


def test_home_stops_when_it_is_no_longer_asked_for(arm):
    for _ in range(15):
        arm.period(np.array([1.0, 1.0, 0.0]))
    for _ in range(12):
        arm.period(kind=ActionKind.HOME)
    arm.ticks(40)
    assert arm.controller.at_rest and not arm.controller.at_home


def test_estop_during_homing_stops(arm):
    for _ in range(15):
        arm.period(np.array([1.0, 1.0, 0.0]))
    for _ in range(12):
        arm.period(kind=ActionKind.HOME)
    arm.controller.estop("pressed")
    arm.ticks(40)
    assert arm.controller.at_rest and arm.controller.mode is SafetyMode.ESTOP
    assert not arm.controller.at_home


def test_hold_comes_to_rest(arm):
    for _ in range(5):
        arm.period(np.array([1.0, 0.0, 0.0]))
    arm.hold(5)
    assert arm.controller.at_rest


@pytest.mark.parametrize("robot", ROBOTS)
def test_towards_a_singularity_the_tool_slows_to_rest_and_away_from_it_nothing_holds_it(robot):
    arm = ControlledArm(robot).arm()
    out = np.array([1.0, 0.8, -0.9])
    worst, acted = 0.0, set()
    for _ in range(120):
        done = arm.period(out)
        acted.update(done.limits)
        worst = max(worst, condition_number(arm.kinematics.jacobian(arm.position)))
    assert worst > CONDITION_SLOW and "singularity" in acted
    assert worst < CONDITION_HALT + 0.5
    assert arm.controller.limit_counts["singularity"] > 0
    arm.hold(8)
    back = [arm.period(-out) for _ in range(20)][4:]
    assert not any("singularity" in done.limits for done in back)
    shares = [float(done.executed @ -out / (out @ out)) for done in back]
    assert min(shares) > 0.1 and shares[-1] > shares[0]  # the joints' speeds still hold it
