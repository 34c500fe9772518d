"""The command line: `robot-learning VERB`, one module a verb in `robot_learning.commands`."""

from __future__ import annotations

import sys

import typer

from robot_learning.commands import (
    bench,
    calibrate,
    contract,
    deploy,
    episodes_exchange,
    grasp,
    reward,
    security,
    sysid_fit,
)
from robot_learning.commands.algorithms import algorithms
from robot_learning.commands.demonstrate import demonstrate
from robot_learning.commands.doctor import doctor
from robot_learning.commands.evaluate import evaluate
from robot_learning.commands.launch import launch
from robot_learning.commands.model import model
from robot_learning.commands.operator import operator
from robot_learning.commands.train import train
from robot_learning.commands.verify import verify
from robot_learning.contract import ContractError

app = typer.Typer(
    name="robot-learning",
    help="Real-robot reinforcement learning over ROS 2, from simulation to the arm.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(train)
app.command()(evaluate)
app.command()(demonstrate)
app.command()(model)
app.command(context_settings={"allow_interspersed_args": True})(launch)
app.command()(operator)
app.command()(doctor)
app.command()(verify)
app.command()(algorithms)
app.add_typer(grasp.app, name="grasp")
app.add_typer(reward.app, name="reward")
app.add_typer(contract.app, name="contract")
app.add_typer(calibrate.app, name="calibrate")
app.add_typer(episodes_exchange.app, name="episodes")
app.add_typer(deploy.app, name="deploy")
app.add_typer(sysid_fit.app, name="sysid")
app.add_typer(security.app, name="security")
app.add_typer(bench.app, name="bench")


def main() -> None:
    """Runs a verb; 0 done, 1 the thing asked about failed, 2 used wrongly, 130 interrupted."""
    try:
        app()
    except ContractError as error:
        print(f"robot-learning: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
