"""`python -m sim.xarm`: the stand-in as a process, until it is interrupted."""

from __future__ import annotations

import time
from typing import Annotated

import numpy as np
import typer

from robot_learning.backends.xarm_sdk import CONTROL_PORT
from robot_learning.contract import ContractError, load_robot
from sim.xarm.controller import XArmController
from sim.xarm.server import LOOPBACK, XArmServer


def main(
    robot: Annotated[str, typer.Option(help="robot contract: a name or a path to YAML")] = "xarm7",
    host: Annotated[str, typer.Option(help="loopback address to listen at")] = LOOPBACK,
    port: Annotated[
        int, typer.Option(help="of commands; 502, the maker's, is often for root only")
    ] = CONTROL_PORT,
) -> None:
    """A stand-in for an xArm 7's controller, at rest at the contract's home position."""
    try:
        joints = load_robot(robot).arm.joints
        home = np.array([joint.home_position_rad for joint in joints])
        server = XArmServer(XArmController(home), host, port)
    except (ContractError, OSError, ValueError) as error:
        typer.echo(f"sim.xarm: {error}", err=True)
        raise typer.Exit(2) from None
    with server:
        typer.echo(f"listening at {server.address}; Ctrl-C ends it")
        try:
            while True:
                time.sleep(3600.0)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None


if __name__ == "__main__":
    typer.run(main)
