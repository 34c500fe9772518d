import math

import pytest

from robot_learning.contract import load_contract
from robot_learning.control.request_filter import RequestFilter

CONTRACT = load_contract()
SHA = CONTRACT.sha256
AGE_S = CONTRACT.task.action_age_max_s


@pytest.fixture
def requests():
    made = RequestFilter(CONTRACT)
    assert made.accept("policy", 5, 10.0, 10.01, SHA) is None
    return made


def test_requests_in_order_are_accepted(requests):
    assert requests.accept("policy", 6, 10.05, 10.06, SHA) is None
    assert requests.accept("policy", 9, 10.10, 10.11, SHA) is None  # three were lost


def test_a_duplicate_is_refused(requests):
    assert requests.accept("policy", 5, 10.0, 10.02, SHA).startswith("duplicate")
    assert requests.accept("policy", 5, 10.02, 10.02, SHA).startswith("duplicate")


def test_a_burst_of_old_messages_after_a_stall_is_refused(requests):
    assert requests.accept("policy", 6, 10.05, 10.06, SHA) is None
    assert requests.accept("policy", 4, 9.97, 10.06, SHA).startswith("out of order")
    assert requests.accept("policy", 5, 10.0, 10.06, SHA).startswith("out of order")
    assert requests.accept("policy", 6, 10.05, 10.06, SHA).startswith("duplicate")


def test_a_restarted_source_begins_its_count_again(requests):
    assert requests.accept("policy", 0, 10.05, 10.06, SHA) is None
    assert requests.accept("policy", 1, 10.10, 10.11, SHA) is None


def test_an_old_observation_is_refused_to_the_contracts_age(requests):
    assert requests.accept("policy", 6, 10.0, 10.0 + AGE_S, SHA) is None
    reason = requests.accept("policy", 7, 10.0, 10.0 + AGE_S + 0.01, SHA)
    assert reason.startswith("stale") and "0.110 s old" in reason


def test_an_observation_from_the_future_is_refused(requests):
    assert requests.accept("policy", 6, 11.0, 10.05, SHA).startswith("future")


@pytest.mark.parametrize("stamp", [math.nan, math.inf, -math.inf])
def test_a_stamp_that_is_no_time_is_refused(requests, stamp):
    assert requests.accept("policy", 6, stamp, 10.05, SHA).startswith("stamp")


def test_another_contract_is_refused_with_both_named(requests):
    reason = requests.accept("policy", 6, 10.05, 10.06, "f" * 64)
    assert reason.startswith("contract") and "ffffffffffff" in reason and SHA[:12] in reason


def test_sources_are_counted_apart(requests):
    assert requests.accept("keyboard", 5, 10.0, 10.02, SHA) is None


def test_a_refused_request_is_not_remembered(requests):
    requests.accept("policy", 100, 10.0, 10.2, SHA)
    assert requests.accept("policy", 6, 10.2, 10.2, SHA) is None


def test_a_clock_that_begins_anew_begins_every_source_anew(requests):
    assert requests.accept("policy", 0, 0.0, 0.01, SHA) is None
