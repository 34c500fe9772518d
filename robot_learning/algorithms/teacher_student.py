"""A teacher with privileged state taught to a student with sensors.

Learning by cheating (Chen et al. 2019, arXiv 1912.12294); for legged robots Lee et al. 2020,
arXiv 2010.11251. The teacher was trained by any method on what only a simulator knows; the
student sees what the robot will have, a stack of past frames where one does not say enough. It is
DAgger: the student acts and the teacher says what it would have done.

The environment is the student's. What the teacher sees is in `info["privileged_observation"]` of
`reset` and `step`, as `envs.sensors.Sensors` puts it there.
"""

from __future__ import annotations

from typing import ClassVar

from robot_learning.algorithms.dagger import DAgger

PRIVILEGED = "privileged_observation"


class TeacherStudent(DAgger):
    """DAgger with an expert that sees more."""

    name: ClassVar[str] = "teacher_student"
    source: ClassVar[str] = "Chen et al. 2019, section 3; Lee et al. 2020"
    expert_sees: ClassVar[str] = PRIVILEGED
