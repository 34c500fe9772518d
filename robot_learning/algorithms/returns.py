"""Returns, advantages and off-policy corrections of rollouts, as pure functions.

Arrays are time-major: (t, n) for t steps of n environments side by side. `next_values[t]` is the
value of what step t led to, also where an episode ended there, so it is never that of the first
observation of the next episode. Three things may follow a step, and they are kept apart:

- `terminated`: the task is over; nothing follows, and `next_values` does not count. A number
  between 0 and 1 is a probability of that (constraints as terminations shrink the discount).
- `truncated`: the episode was cut off, the task goes on; `next_values` stands for the rest.
- the rollout's last step: cut off like a truncation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Flags = NDArray[np.floating[Any] | np.bool_]


def reward_to_go(
    rewards: Array, next_values: Array, terminated: Flags, truncated: Flags, gamma: float
) -> Array:
    """Discounted reward from each step on, with the value of what follows where it was cut."""
    return _k_step_returns(rewards, next_values, terminated, truncated, gamma, len(rewards))


def episode_returns(rewards: Array, ends: Flags, gamma: float) -> Array:
    """The discounted return of the whole episode, at each of its steps.

    Discounted from the episode's beginning, or the rollout's where it began before.
    """
    returns = np.zeros_like(rewards)
    for column in range(rewards.shape[1]):
        begin = 0
        for end in [*(np.flatnonzero(ends[:, column]) + 1), len(rewards)]:
            discounts = gamma ** np.arange(end - begin)
            returns[begin:end, column] = discounts @ rewards[begin:end, column]
            begin = end
    return returns


def generalised_advantages(
    rewards: Array,
    values: Array,
    next_values: Array,
    terminated: Flags,
    truncated: Flags,
    gamma: float,
    trace: float,
) -> Array:
    """Generalised advantage estimates (Schulman et al. 2015, equation 16); `trace` is lambda."""
    going_on = gamma * (1.0 - terminated)
    errors = rewards + going_on * next_values - values
    return _accumulate(errors, going_on * trace * (1.0 - truncated))


def k_step_advantages(
    rewards: Array,
    values: Array,
    next_values: Array,
    terminated: Flags,
    truncated: Flags,
    gamma: float,
    k: int,
) -> Array:
    """The sum of k rewards and the value of what follows, less the value of the state.

    At fewer than k steps before the rollout's end there are as many rewards as there are steps
    left (Mnih et al. 2016, algorithm S3, where k is the length of the rollout).
    """
    return _k_step_returns(rewards, next_values, terminated, truncated, gamma, k) - values


def v_trace(
    rewards: Array,
    values: Array,
    next_values: Array,
    terminated: Flags,
    truncated: Flags,
    log_ratios: Array,
    gamma: float,
    *,
    rho_max: float = 1.0,
    c_max: float = 1.0,
) -> tuple[Array, Array]:
    """Targets of the value function and advantages of the policy (Espeholt et al. 2018, 4.1).

    Args:
        rewards: of each step.
        values: of the state before it.
        next_values: of the state after it.
        terminated: nothing follows.
        truncated: what follows was cut off.
        log_ratios: log of target policy over behaviour policy for the action taken.
        gamma: discount.
        rho_max: clips the ratio in the temporal-difference error: which policy is valued.
        c_max: clips the ratio in the trace: how far errors are carried back.

    Returns:
        Targets v_s, and clipped-ratio-weighted advantages, both (t, n).
    """
    ratios = np.exp(log_ratios)
    rho, c = np.minimum(ratios, rho_max), np.minimum(ratios, c_max)
    going_on = gamma * (1.0 - terminated)
    errors = rho * (rewards + going_on * next_values - values)
    targets = values + _accumulate(errors, going_on * c * (1.0 - truncated))
    # Behind an end, the next row belongs to another episode.
    follows = np.concatenate((targets[1:], next_values[-1:]))
    follows = np.where(_ends(terminated, truncated), next_values, follows)
    return targets, rho * (rewards + going_on * follows - values)


def retrace(
    rewards: Array,
    action_values: Array,
    next_state_values: Array,
    terminated: Flags,
    truncated: Flags,
    log_ratios: Array,
    gamma: float,
    trace: float,
) -> Array:
    """Targets of an action-value function (Munos et al. 2016, equations 3 and 4).

    Args:
        rewards: of each step.
        action_values: Q(s, a) of the action taken.
        next_state_values: the target policy's mean of Q(s', .).
        terminated: nothing follows.
        truncated: what follows was cut off.
        log_ratios: log of target policy over behaviour policy for the action taken.
        gamma: discount.
        trace: lambda; the trace of a step is lambda min(1, ratio).
    """
    going_on = gamma * (1.0 - terminated)
    errors = rewards + going_on * next_state_values - action_values
    traces = trace * np.minimum(1.0, np.exp(log_ratios))
    # The error of the next step counts by the trace of the next step's action.
    following = np.concatenate((traces[1:], np.zeros_like(traces[:1])))
    return action_values + _accumulate(errors, going_on * (1.0 - truncated) * following)


def _k_step_returns(
    rewards: Array, next_values: Array, terminated: Flags, truncated: Flags, gamma: float, k: int
) -> Array:
    going_on = gamma * (1.0 - terminated)
    cut = np.asarray(truncated, bool)
    returns = rewards + going_on * next_values
    if k >= len(rewards):  # every return reaches the end: one pass backwards
        for t in reversed(range(len(rewards) - 1)):
            follows = np.where(cut[t], next_values[t], returns[t + 1])
            returns[t] = rewards[t] + going_on[t] * follows
        return returns
    for _ in range(k - 1):  # one step longer each time
        follows = np.concatenate((returns[1:], next_values[-1:]))
        returns = rewards + going_on * np.where(cut, next_values, follows)
    return returns


def _accumulate(errors: Array, factors: Array) -> Array:
    """Computes x[t] = errors[t] + factors[t] x[t + 1] backwards, with nothing behind the last."""
    sums = errors.copy()
    for t in reversed(range(len(errors) - 1)):
        sums[t] += factors[t] * sums[t + 1]
    return sums


def _ends(terminated: Flags, truncated: Flags) -> NDArray[np.bool_]:
    ends: NDArray[np.bool_] = (np.asarray(terminated) >= 1.0) | np.asarray(truncated, bool)
    return ends
