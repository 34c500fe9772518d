from dataclasses import dataclass

import pytest

from robot_learning.contract import load_contract
from robot_learning.control.arbiter import Arbiter

CONTRACT = load_contract()
TIMEOUT_S = CONTRACT.robot.rates.command_age_max_s


@dataclass
class Asked:
    source: str


POLICY, PERSON = Asked("policy"), Asked("teleop")


@pytest.fixture
def arbiter():
    return Arbiter(CONTRACT, ("teleop", "policy"))


def test_passes_the_only_source_that_speaks(arbiter):
    assert arbiter.offer(POLICY, 1.0) is POLICY
    assert arbiter.active_source == "policy"


def test_a_person_takes_over_at_once_and_keeps_the_arm(arbiter):
    arbiter.offer(POLICY, 1.0)
    assert arbiter.offer(PERSON, 1.01) is PERSON
    assert arbiter.offer(POLICY, 1.02) is None
    assert (arbiter.active_source, arbiter.refused_count) == ("teleop", 1)


def test_a_silent_person_hands_back_after_the_timeout(arbiter):
    arbiter.offer(PERSON, 1.0)
    assert arbiter.offer(POLICY, 1.0 + TIMEOUT_S - 0.01) is None
    assert arbiter.offer(POLICY, 1.0 + TIMEOUT_S + 0.01) is POLICY


def test_nobody_is_active_when_all_are_silent(arbiter):
    arbiter.offer(POLICY, 1.0)
    arbiter.expire(1.0 + TIMEOUT_S + 0.01)
    assert arbiter.active_source is None


def test_locked_nothing_passes_and_unlocking_brings_nothing_back(arbiter):
    arbiter.offer(POLICY, 1.0)
    arbiter.lock(True)
    assert arbiter.active_source is None
    assert arbiter.offer(PERSON, 1.01) is None
    arbiter.lock(False)
    assert arbiter.active_source is None
    assert arbiter.offer(POLICY, 1.02) is POLICY


def test_an_unknown_source_is_not_heard(arbiter):
    assert arbiter.offer(Asked("stranger"), 1.0) is None


def test_a_clock_that_went_back_frees_the_arm(arbiter):
    arbiter.offer(PERSON, 100.0)
    assert arbiter.offer(POLICY, 1.0) is POLICY


@pytest.mark.parametrize("sources", [(), ("policy", "policy")])
def test_sources_must_be_different_names(sources):
    with pytest.raises(ValueError, match="different names"):
        Arbiter(CONTRACT, sources)
