"""Emergency stop before a person before the policy; nobody gets the arm who did not ask for it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_learning.contract import load_contract
from robot_learning.control.action import ActionKind
from robot_learning.control.arbiter import DEADMAN_TIMEOUT_S, Arbiter, Passed

CONTRACT = load_contract()
PERIOD_S = CONTRACT.control_period_s
PAD, KEYS = "gamepad-1", "keyboard-2"


@dataclass(frozen=True)
class Asked:
    source: str
    sequence: int
    kind: int = int(ActionKind.ACTION)


class Desk:
    """An arbiter, and people and a policy that speak to it at one time."""

    def __init__(self, **options: bool) -> None:
        self.arbiter: Arbiter[Asked] = Arbiter(CONTRACT, **options)
        self.now_s = 100.0
        self.count = 0

    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    def deadman(self, source: str, *held: bool, connected: bool = True) -> None:
        for pressed in held:
            self.arbiter.on_deadman(source, pressed, connected, self.now_s)

    def policy(self, kind: ActionKind = ActionKind.ACTION) -> Passed[Asked] | None:
        self.count += 1
        return self.arbiter.on_policy(
            Asked("policy", self.count, int(kind)), self.now_s, self.now_s
        )

    def person(self, source: str = PAD, age_s: float = 0.0) -> Passed[Asked] | None:
        self.count += 1
        return self.arbiter.on_person(Asked(source, self.count), self.now_s - age_s, self.now_s)

    def stop(self, stopped: bool = True) -> None:
        self.arbiter.set_safety(armed=not stopped, stopped=stopped)

    def who(self) -> str | None:
        """Who acts when the policy asks."""
        passed = self.policy()
        return passed.source if passed else None


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_policy_passes_as_it_is_while_no_person_has_the_arm(desk: Desk) -> None:
    desk.deadman(PAD, False)
    passed = desk.policy()
    assert passed is not None and passed.in_place_of is None and passed.source == "policy"
    assert desk.arbiter.active_source(desk.now_s) == "policy"


def test_a_person_answers_in_the_policys_place_from_the_press_to_the_release(desk: Desk) -> None:
    desk.policy()
    desk.deadman(PAD, False, True)
    assert desk.person() is None, "it waits for the policy's clock"
    passed = desk.policy()
    assert passed is not None and passed.request is not None and passed.in_place_of is not None
    assert (passed.source, passed.request.source, passed.in_place_of.source) == (PAD, PAD, "policy")
    assert desk.arbiter.active_source(desk.now_s) == PAD
    desk.deadman(PAD, False)
    assert desk.who() == "policy"


def test_a_person_who_does_not_move_rests_and_the_policy_does_not_move_either(desk: Desk) -> None:
    desk.deadman(PAD, False, True)
    passed = desk.policy()
    assert passed is not None and passed.request is None and passed.source == PAD


def test_a_persons_action_is_used_while_it_is_fresh_by_receipt_and_by_stamp(desk: Desk) -> None:
    desk.policy()
    desk.deadman(PAD, False, True)
    desk.person(age_s=CONTRACT.robot.rates.command_age_max_s + 0.01)
    late = desk.policy()
    desk.person()
    desk.wait(2 * PERIOD_S + 0.01)
    desk.deadman(PAD, True)
    silent = desk.policy()
    assert late is not None and late.request is None
    assert silent is not None and silent.request is None and silent.source == PAD


def test_where_no_policy_asks_a_persons_requests_pass_as_they_come(desk: Desk) -> None:
    desk.deadman(PAD, False, True)
    passed = desk.person()
    assert passed is not None and passed.in_place_of is None and passed.source == PAD
    desk.policy()
    assert desk.person() is None
    desk.wait(2 * PERIOD_S + 0.01)
    desk.deadman(PAD, True)
    assert desk.person() is not None


def test_without_the_dead_man_a_persons_request_is_not_heard(desk: Desk) -> None:
    assert desk.person() is None
    desk.deadman(PAD, False)
    assert desk.person() is None
    assert desk.arbiter.refused_count == 2


def test_a_repeated_or_older_request_of_a_person_is_not_heard(desk: Desk) -> None:
    desk.deadman(PAD, False, True)
    again = Asked(PAD, 7)
    assert desk.arbiter.on_person(again, desk.now_s, desk.now_s) is not None
    assert desk.arbiter.on_person(again, desk.now_s, desk.now_s) is None
    assert desk.arbiter.on_person(Asked(PAD, 6), desk.now_s, desk.now_s) is None


def test_a_button_that_is_stuck_from_the_start_takes_nothing(desk: Desk) -> None:
    desk.deadman(PAD, True, True)
    assert desk.who() == "policy"
    assert "let the dead-man go" in desk.arbiter.refused
    desk.deadman(PAD, False, True)
    assert desk.who() == PAD and desk.arbiter.refused == ""


def test_of_two_operators_the_first_has_the_arm_and_the_second_must_press_anew(
    desk: Desk,
) -> None:
    desk.deadman(PAD, False, True)
    desk.deadman(KEYS, False, True)
    assert desk.who() == PAD and desk.person(KEYS) is None
    assert desk.arbiter.refused.startswith(f"{KEYS} does not get the arm: {PAD} has it")
    desk.deadman(PAD, False)
    desk.deadman(KEYS, True)
    assert desk.who() == "policy", "a press from before takes nothing later"
    desk.deadman(KEYS, False, True)
    assert desk.who() == KEYS


@pytest.mark.parametrize("how", ["silent", "unplugged"])
def test_a_device_lost_in_a_persons_hand_rests_the_arm_until_a_person_lets_it_go(
    desk: Desk, how: str
) -> None:
    desk.deadman(PAD, False, True)
    if how == "silent":
        desk.wait(DEADMAN_TIMEOUT_S + 0.01)
    else:
        desk.deadman(PAD, False, connected=False)
    assert desk.policy() is None and desk.arbiter.active_source(desk.now_s) is None
    assert PAD in desk.arbiter.blocked
    desk.deadman(PAD, False)
    assert desk.policy() is None, "plugging it in again is nobody's decision"
    desk.deadman(KEYS, False, True)
    assert desk.who() == KEYS and desk.arbiter.blocked == ""
    desk.deadman(KEYS, False)
    assert desk.who() == "policy"


def test_a_device_lost_in_nobodys_hand_is_nothing(desk: Desk) -> None:
    desk.deadman(PAD, False)
    desk.deadman(PAD, False, connected=False)
    desk.wait(10.0)
    assert desk.who() == "policy"


def test_an_emergency_stop_is_before_everyone_and_afterwards_the_dead_man_is_pressed_anew(
    desk: Desk,
) -> None:
    desk.deadman(PAD, False, True)
    desk.stop()
    assert desk.policy() is None and desk.person() is None
    desk.deadman(PAD, True)
    desk.stop(False)
    desk.deadman(PAD, True)
    assert desk.who() == "policy" and desk.person() is None
    desk.deadman(PAD, False, True)
    assert desk.who() == PAD


def test_any_stop_takes_the_arm_from_the_person_who_held_it(desk: Desk) -> None:
    desk.deadman(PAD, False, True)
    desk.arbiter.set_safety(armed=False)
    desk.deadman(PAD, True)
    assert desk.who() == "policy"
    desk.deadman(PAD, False, True)
    assert desk.who() == "policy" and "not armed" in desk.arbiter.refused
    desk.arbiter.set_safety(armed=True)
    desk.deadman(PAD, True)
    assert desk.who() == "policy", "pressed before the arm was armed"
    desk.deadman(PAD, False, True)
    assert desk.who() == PAD


def test_in_lockstep_the_way_home_is_the_policys(desk: Desk) -> None:
    lockstep = Desk(lockstep=True)
    for there in (desk, lockstep):
        there.deadman(PAD, False, True)
    home, kept = desk.policy(ActionKind.HOME), lockstep.policy(ActionKind.HOME)
    assert home is not None and home.source == PAD
    assert kept is not None and kept.source == "policy"
    assert lockstep.who() == PAD


def test_an_unknown_source_is_not_heard(desk: Desk) -> None:
    asked = Asked("stranger", 1)
    assert desk.arbiter.on_policy(asked, desk.now_s, desk.now_s) is None


def test_a_clock_that_went_back_rests_the_arm(desk: Desk) -> None:
    desk.deadman(PAD, False, True)
    desk.now_s = 1.0
    assert desk.policy() is None and desk.arbiter.lost == PAD


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("deadman"), st.sampled_from([PAD, KEYS]), st.booleans()),
            st.tuples(st.just("unplug"), st.sampled_from([PAD, KEYS]), st.just(False)),
            st.tuples(st.just("wait"), st.just(""), st.booleans()),
            st.tuples(st.just("stop"), st.just(""), st.booleans()),
        ),
        max_size=30,
    )
)
def test_whoever_acts_pressed_after_a_release_and_never_two_at_once(
    story: list[tuple[str, str, bool]],
) -> None:
    """Whatever happens: a person who acts saw release, then press, since the last stop."""
    desk = Desk()
    armed: dict[str, bool] = {}  # released since the last stop or refusal
    for verb, source, flag in story:
        before = desk.arbiter.holder
        if verb == "deadman":
            desk.deadman(source, flag)
            if not flag:
                armed[source] = True
            elif desk.arbiter.holder == source and before != source:
                assert armed.get(source), "took the arm without a release before"
                assert before is None
            elif desk.arbiter.holder != source:
                armed[source] = False
        elif verb == "unplug":
            desk.deadman(source, False, connected=False)
            armed[source] = False
        elif verb == "wait":
            desk.wait(0.3 if flag else 0.05)
        else:
            desk.stop(flag)
            if flag:
                armed.clear()
        acting = desk.who()
        assert acting in (None, "policy", PAD, KEYS)
        if desk.arbiter.locked:
            assert acting is None
        elif acting in (PAD, KEYS):
            assert acting == desk.arbiter.holder
