"""The enclave of a process: which keys and permissions are its own where SROS2 is on.

Without ROS_SECURITY_ENABLE it is a label in the graph and nothing more. What each enclave may do is
in config/security.
"""

from collections.abc import Sequence

ROOT = "/robot_learning"
_FLAGS = {"--enclave", "-e"}


def with_enclave(arguments: Sequence[str], name: str) -> list[str]:
    """Arguments for rclpy that name this enclave, unless they name one.

    ROS_SECURITY_ENCLAVE_OVERRIDE comes before both.
    """
    if _FLAGS.intersection(arguments):
        return list(arguments)
    return [*arguments, "--ros-args", "--enclave", f"{ROOT}/{name}"]
