"""Where the built ROS 2 workspace is, and the environment that processes of the graph run in.

Whatever starts a ROS 2 process (the launch runner, the doctor, the benchmarks, the tests) takes
its environment from here. rclpy is not imported: the process that asks needs no ROS 2 itself.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from robot_learning.contract.load import config_dir

INTERFACES = "robot_learning_interfaces"
PROFILE = "fastdds_shm.xml"  # loopback alone
UDP_PROFILE = "fastdds_udp.xml"  # the same without shared memory
NETWORK_PROFILE = "fastdds_network.xml"
NETWORK_UDP_PROFILE = "fastdds_network_udp.xml"
DOMAIN_ID_MAX = 101  # above it the ports of DDS meet those that Linux gives to clients

_PROFILE_VARIABLE = "FASTRTPS_DEFAULT_PROFILES_FILE"
_RANGE_VARIABLE = "ROS_AUTOMATIC_DISCOVERY_RANGE"
_WIDE = ("SUBNET", "SYSTEM_DEFAULT")
_WHEELS_GUARD = "_ROS_WHEELS_BOOTSTRAP_COMPLETE"
_MEND = "run: make setup"


class WorkspaceError(RuntimeError):
    """The ROS 2 workspace is not built, or not for this Python."""


def workspace_dir() -> Path:
    """The folder `ros2_ws` of this checkout (it need not exist)."""
    return Path(__file__).resolve().parents[1] / "ros2_ws"


def uses_wheels() -> bool:
    """Whether rclpy comes from wheels in this interpreter's environment."""
    return find_spec("ros_wheels_bootstrapper") is not None


def graph_environment(
    domain_id: int | None = None, base: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment for processes of the graph.

    It is `base` after sourcing the workspace, with the shared-memory profile, with Fast DDS, and
    with discovery and ports on this machine alone. What a person has set of the profile, the
    discovery range and (where ROS 2 is installed) the middleware stays; who asks for other
    machines, by a wider range or by peers, gets a profile that listens to them.

    Args:
        domain_id: ROS domain, 0 to 101; None leaves it as in `base`.
        base: environment to start from; None is this process's.

    Raises:
        WorkspaceError: the workspace is not built.
        ValueError: `domain_id` is out of range.
    """
    if domain_id is not None and not 0 <= domain_id <= DOMAIN_ID_MAX:
        raise ValueError(f"ROS domain {domain_id} is not in 0..{DOMAIN_ID_MAX}")
    start = dict(os.environ if base is None else base)
    setup_file = _setup_file(workspace_dir() / "install", start)
    env = dict(_sourced(setup_file, tuple(sorted(start.items())))) if setup_file else start
    if uses_wheels():
        _find_wheels(env)
    else:
        env.setdefault("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")
    env.setdefault(_RANGE_VARIABLE, "LOCALHOST")
    profile = NETWORK_PROFILE if _other_machines(env) else PROFILE
    env.setdefault(_PROFILE_VARIABLE, str(config_dir() / profile))
    if domain_id is not None:
        env["ROS_DOMAIN_ID"] = str(domain_id)
    return env


def without_shared_memory(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process of the graph that waits for no lock in anybody's shared memory.

    A process that is stopped while it holds such a lock stops all that write to it: 3 of 300 times
    in a trial. Whoever stops an arm must not wait for that. Where a profile of somebody's own, or
    no discovery, was chosen, nothing changes; nor with static peers and the range LOCALHOST, where
    rmw_fastrtps adds shared memory and a wider range would open more than was asked for.
    """
    chosen = dict(environment)
    profile, found_in = Path(chosen.get(_PROFILE_VARIABLE, "")), chosen.get(_RANGE_VARIABLE)
    if profile.name == PROFILE and found_in != "OFF":
        chosen[_PROFILE_VARIABLE] = str(profile.with_name(UDP_PROFILE))
        chosen[_RANGE_VARIABLE] = "SUBNET"  # of what the profile opens: loopback
    elif profile.name == NETWORK_PROFILE and found_in in _WIDE:
        chosen[_PROFILE_VARIABLE] = str(profile.with_name(NETWORK_UDP_PROFILE))
    return chosen


def _other_machines(env: Mapping[str, str]) -> bool:
    """Whether the graph is to be heard beyond this machine."""
    return env[_RANGE_VARIABLE] in _WIDE or bool(env.get("ROS_STATIC_PEERS", "").strip(" ;"))


def message_prefixes() -> tuple[Path, ...]:
    """Installation folders in which the definitions of messages are.

    Raises:
        WorkspaceError: the workspace is not built.
    """
    paths = graph_environment().get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    return tuple(Path(path) for path in paths if path)


def _setup_file(install: Path, env: Mapping[str, str]) -> Path | None:
    """The file to source; None when a workspace with the interfaces is sourced already."""
    if not _has_interfaces(install / INTERFACES):
        prefixes = env.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
        if any(prefix and _has_interfaces(Path(prefix)) for prefix in prefixes):
            return None
        raise WorkspaceError(f"{install}: the ROS 2 workspace is not built; {_MEND}")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    built_for = sorted(path.name for path in (install / INTERFACES / "lib").glob("python3.*"))
    if built_for and version not in built_for:
        raise WorkspaceError(
            f"{install}: the ROS 2 workspace was built for {built_for[0]}, and this is {version} "
            f"({sys.executable}); {_MEND}"
        )
    return install / "setup.bash"


def _has_interfaces(prefix: Path) -> bool:
    return (prefix / "share" / INTERFACES / "package.xml").is_file()


@lru_cache(maxsize=8)
def _sourced(setup_file: Path, start: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """An environment after a shell has sourced a setup file in it."""
    bash = shutil.which("bash")
    if bash is None:
        raise WorkspaceError(f"{setup_file}: bash is needed to source it: sudo apt install bash")
    answer = subprocess.run(
        [bash, "--norc", "-c", 'source "$1" >&2 && env -0', "bash", str(setup_file)],
        env=dict(start),
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    if answer.returncode != 0:
        detail = answer.stderr.decode(errors="replace").strip().splitlines()
        raise WorkspaceError(
            f"{setup_file}: cannot be sourced: {detail[-1] if detail else 'no reason given'}; "
            f"{_MEND}"
        )
    pairs = (entry.partition(b"=") for entry in answer.stdout.split(b"\0") if entry)
    shell_own = {"_", "SHLVL", "OLDPWD"}
    return tuple(
        (os.fsdecode(name), os.fsdecode(value))
        for name, _, value in pairs
        if os.fsdecode(name) not in shell_own
    )


def _find_wheels(env: dict[str, str]) -> None:
    """Adds what the ROS wheels need to find each other.

    Their libraries lie in the environment's `lib/` and in one folder beside each package. Unless
    told that the search path is complete, they start every Python process a second time to
    complete it; saying so saves each process of the graph that time. `python3` is the one that
    has the wheels.
    """
    paths = env.get("PATH", os.defpath).split(os.pathsep)
    own = str(Path(sys.prefix) / "bin")
    env["PATH"] = os.pathsep.join([own, *(path for path in paths if path != own)])
    site_packages = Path(sysconfig.get_paths()["purelib"])
    libraries = [Path(sys.prefix) / "lib", *sorted(site_packages.glob("ros_*.libs"))]
    _append(env, "LD_LIBRARY_PATH", libraries)
    _append(env, "AMENT_PREFIX_PATH", [Path(sys.prefix)])
    env[_WHEELS_GUARD] = "1"
    env["RMW_IMPLEMENTATION"] = "rmw_fastrtps_cpp"  # the one RMW there are wheels of


def _append(env: dict[str, str], variable: str, paths: list[Path]) -> None:
    parts = [part for part in env.get(variable, "").split(os.pathsep) if part]
    parts += [str(path) for path in paths if str(path) not in parts]
    env[variable] = os.pathsep.join(parts)
