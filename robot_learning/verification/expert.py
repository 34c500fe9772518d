"""Trains somebody else's expert: PPO of Stable-Baselines3, as a policy of ours.

`python -m robot_learning.verification.expert ID STEPS SEED DIR`. What it writes is an ordinary
policy folder, so that the expert is asked, and judged, like every other policy.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecNormalize
from torch import nn

from robot_learning.networks import MlpPolicy
from robot_learning.training.policy_file import PolicyFile, save_policy

_ENVIRONMENTS, _ROLLOUT_STEPS = 4, 512


def train_expert(environment: str, steps: int, seed: int) -> MlpPolicy:
    """Trains on normalised observations and rewards; continuous actions.

    Args:
        environment: Gymnasium id.
        steps: of training.
        seed: of everything.
    """
    vectorised = make_vec_env(environment, _ENVIRONMENTS, seed=seed)
    normalised = VecNormalize(vectorised)
    expert = PPO("MlpPolicy", normalised, n_steps=_ROLLOUT_STEPS, seed=seed, device="cpu")
    expert.learn(steps)
    actor: Any = expert.policy
    layers = [m for m in actor.mlp_extractor.policy_net if isinstance(m, nn.Linear)]
    layers.append(actor.action_net)
    space: Any = normalised.action_space
    statistics: Any = normalised.obs_rms
    low, high = space.low.astype(np.float32), space.high.astype(np.float32)
    # Its output is an action in the environment's units, ours is one in units of [-1, 1].
    half, middle = (high - low) / 2, (high + low) / 2
    weights = [layer.weight.detach().numpy().T.copy() for layer in layers]
    biases = [layer.bias.detach().numpy().copy() for layer in layers]
    weights[-1], biases[-1] = weights[-1] / half, (biases[-1] - middle) / half
    return MlpPolicy(
        weights=tuple(weights),
        biases=tuple(biases),
        head="clip",
        activation="tanh",
        mean=statistics.mean.astype(np.float32),
        std=np.sqrt(statistics.var + normalised.epsilon).astype(np.float32),
        clip=float(normalised.clip_obs),
        action_low=low,
        action_high=high,
        goal_size=0,
        version=1,
    )


def main(environment: str, steps: int, seed: int, out: Path) -> None:
    """Trains and writes the policy folder."""
    policy = train_expert(environment, steps, seed)
    described = f"gymnasium:{environment}"
    save_policy(out, PolicyFile(policy, "stable_baselines3_ppo", {}, None, described, {}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
