"""An agent of Stable-Baselines3 learns to reach on our environment, which knows nothing of it.

    pip install stable-baselines3
    python examples/stable_baselines3_reach.py --steps 12000

SAC (Haarnoja et al. 2018) with hindsight (Andrychowicz et al. 2017). The action that is learned
from is the requested one, as SB3 has no place for the executed one.
"""

from __future__ import annotations

import argparse
from typing import Any

import gymnasium
import torch
from stable_baselines3 import SAC, HerReplayBuffer

from robot_learning.evaluation import wilson_interval

ENVIRONMENT = "robot_learning.envs:robot_learning/Reach-v0"


def succeeds(model: SAC, env: gymnasium.Env[Any, Any], seed: int) -> bool:
    """Whether the deterministic policy holds the goal at the end of one episode."""
    observation, info = env.reset(seed=seed)
    over = False
    while not over:
        action, _ = model.predict(observation, deterministic=True)
        observation, _, terminated, truncated, info = env.step(action)
        over = terminated or truncated
    return bool(info["is_success"])


def main() -> None:
    """Trains, then counts successes on scenes of their own seeds."""
    parser = argparse.ArgumentParser(description="SB3's SAC with hindsight on Reach-v0")
    parser.add_argument("--steps", type=int, default=12_000, help="environment steps")
    parser.add_argument("--warmup", type=int, default=500, help="random steps before learning")
    parser.add_argument("--episodes", type=int, default=50, help="of the evaluation")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    torch.set_num_threads(1)  # networks this small are slower on several
    env = gymnasium.make(ENVIRONMENT)
    model = SAC(
        "MultiInputPolicy",
        env,
        replay_buffer_class=HerReplayBuffer,
        replay_buffer_kwargs={"n_sampled_goal": 4},
        buffer_size=100_000,
        learning_starts=arguments.warmup,
        gamma=0.95,
        tau=0.05,
        learning_rate=1e-3,
        policy_kwargs={"net_arch": [128, 128]},
        device="cpu",
        seed=arguments.seed,
    )
    model.learn(arguments.steps)
    # The environment was seeded with the run's seed once; these scenes were not trained on.
    seeds = range(10_000, 10_000 + arguments.episodes)
    successes = sum(succeeds(model, env, seed) for seed in seeds)
    env.close()
    low, high = wilson_interval(successes, arguments.episodes)
    print(
        f"success {successes / arguments.episodes:.2f} (n = {arguments.episodes}, "
        f"95 % {low:.2f} to {high:.2f}) after {arguments.steps} steps"
    )


if __name__ == "__main__":
    main()
