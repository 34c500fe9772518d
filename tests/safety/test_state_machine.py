import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_learning.safety.state_machine import SafetyError, SafetyMode, SafetyStateMachine

DISARMED, ARMED, STOPPING, FAULT, ESTOP = SafetyMode


def in_mode(mode):
    machine = SafetyStateMachine()
    if mode is ESTOP:
        machine.estop("button")
    elif mode is not DISARMED:
        machine.arm(at_rest=True)
        if mode is STOPPING:
            machine.fault("cause", at_rest=False)
        elif mode is FAULT:
            machine.fault("cause", at_rest=True)
    assert machine.mode is mode
    return machine


def test_numbers_are_those_of_the_messages():
    assert [int(mode) for mode in SafetyMode] == [0, 1, 2, 3, 4]


def test_starts_disarmed():
    assert SafetyStateMachine().mode is DISARMED


def test_fault_while_moving_stops_first_and_then_latches():
    machine = in_mode(ARMED)
    machine.fault("stale", at_rest=False)
    assert machine.mode is STOPPING
    machine.came_to_rest()
    assert (machine.mode, machine.reason) == (FAULT, "stale")


def test_fault_keeps_its_first_cause():
    machine = in_mode(STOPPING)
    machine.fault("later", at_rest=False)
    machine.came_to_rest()
    machine.fault("later still", at_rest=True)
    assert machine.reason == "cause"


def test_fault_during_an_orderly_stop_latches():
    machine = in_mode(ARMED)
    machine.stop("disarmed", at_rest=False)
    machine.fault("force", at_rest=False)
    machine.came_to_rest()
    assert (machine.mode, machine.reason) == (FAULT, "force")


def test_orderly_stop_ends_disarmed_and_still_says_why():
    machine = in_mode(ARMED)
    machine.stop("no action comes", at_rest=False)
    machine.came_to_rest()
    assert (machine.mode, machine.reason) == (DISARMED, "no action comes")
    machine.arm(at_rest=True)
    assert machine.reason == ""


@pytest.mark.parametrize("mode", list(SafetyMode))
def test_estop_is_accepted_in_every_state(mode):
    machine = in_mode(mode)
    machine.estop("pressed")
    assert machine.mode is ESTOP
    assert ("cause" in machine.reason) == (mode in (STOPPING, FAULT))


def test_estop_twice_is_one_estop():
    machine = in_mode(ESTOP)
    before = (machine.transition, machine.reason)
    machine.estop("again")
    assert (machine.transition, machine.reason) == before


@pytest.mark.parametrize("mode", [FAULT, ESTOP])
def test_reset_never_resumes_motion(mode):
    # Universal Robots' driver warns of this: after the stop is released, the old motion goes on.
    machine = in_mode(mode)
    machine.reset(at_rest=True, uncleared=None)
    assert machine.mode is DISARMED
    machine.arm(at_rest=True)
    assert machine.mode is ARMED


@pytest.mark.parametrize("mode", [FAULT, ESTOP])
def test_reset_is_refused_while_moving_or_while_the_cause_holds(mode):
    machine = in_mode(mode)
    with pytest.raises(SafetyError, match="moves"):
        machine.reset(at_rest=False, uncleared=None)
    with pytest.raises(SafetyError, match="the cause still holds: no state"):
        machine.reset(at_rest=True, uncleared="no state")
    assert machine.mode is mode


@pytest.mark.parametrize("mode", [ARMED, STOPPING])
def test_reset_is_refused_where_nothing_is_latched(mode):
    with pytest.raises(SafetyError, match=mode.name):
        in_mode(mode).reset(at_rest=True, uncleared=None)


@pytest.mark.parametrize("mode", [ARMED, STOPPING, FAULT, ESTOP])
def test_only_a_disarmed_arm_can_be_armed(mode):
    with pytest.raises(SafetyError):
        in_mode(mode).arm(at_rest=True)


def test_arming_is_refused_while_the_arm_moves():
    with pytest.raises(SafetyError, match="moves"):
        in_mode(DISARMED).arm(at_rest=False)


calls = st.lists(
    st.tuples(st.sampled_from(["arm", "stop", "fault", "estop", "rest", "reset"]), st.booleans())
)


@given(calls)
def test_no_sequence_leaves_a_latch_but_by_reset_and_none_arms_but_arm(sequence):
    machine = SafetyStateMachine()
    for name, flag in sequence:
        mode, count = machine.mode, machine.transition
        try:
            if name == "arm":
                machine.arm(at_rest=flag)
            elif name in ("stop", "fault"):
                getattr(machine, name)("why", at_rest=flag)
            elif name == "estop":
                machine.estop("why")
            elif name == "rest":
                machine.came_to_rest()
            else:
                machine.reset(at_rest=flag, uncleared=None)
        except SafetyError:
            assert machine.mode is mode
        assert (machine.transition == count) == (machine.mode is mode)
        if mode in (FAULT, ESTOP) and machine.mode not in (mode, ESTOP):
            assert (name, machine.mode) == ("reset", DISARMED)
        if machine.mode is ARMED and mode is not ARMED:
            assert (name, flag, mode) == ("arm", True, DISARMED)
        if machine.mode is ARMED or (name == "reset" and machine.mode is DISARMED is not mode):
            assert machine.reason == ""
        elif machine.mode is not DISARMED:
            assert machine.reason
