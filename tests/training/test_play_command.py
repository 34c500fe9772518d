from __future__ import annotations

from robot_learning.commands.train_over_graph import play_command

LAUNCH = "robot-learning launch launch/sim_play.launch.xml policy:=runs/x"


def test_the_next_command_names_a_robot_and_a_task_that_are_not_the_launch_files() -> None:
    assert play_command("runs/x", "reach", "panda") == LAUNCH
    assert play_command("runs/x", "reach", "fr3") == f"{LAUNCH} robot:=fr3"
    assert play_command("runs/x", "mine.yaml", "panda") == f"{LAUNCH} task:=mine.yaml"
