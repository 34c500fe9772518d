"""Checks of ROS 2: rclpy, middleware, workspace, Fast DDS's profile and memory, the domain."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from robot_learning.diagnosis.check import Check, fail, ok, warn
from robot_learning.shared_memory import FOLDER, dead_segments
from robot_learning.workspace import INTERFACES, WorkspaceError, graph_environment

SHM_NEEDED_MB = 512.0  # ten processes with a segment of 32 MiB each, and room
PROBE_TIMEOUT_S = 30.0
RCLPY_JAZZY = "7.1."
MIDDLEWARE = "rmw_fastrtps_cpp"
_SETUP = "run: make setup"

# rclpy is imported in a process of its own: it may crash, and the library never imports it.
# Discovery on one machine takes well below the time it waits.
_PROBE = """
import importlib, json, os, sys, time
from importlib.metadata import PackageNotFoundError, version
facts = {}
try:
    import rclpy
except BaseException as error:
    facts["rclpy_error"] = f"{type(error).__name__}: {error}"
    print(json.dumps(facts))
    sys.exit()
facts["rclpy"] = os.path.dirname(rclpy.__file__)
for distribution in ("ros-rclpy", "rclpy"):  # as a wheel; as ROS 2 installs it
    try:
        facts.setdefault("version", version(distribution))
    except PackageNotFoundError:
        pass
try:
    importlib.import_module(sys.argv[1] + ".msg")
    importlib.import_module(sys.argv[1] + ".srv")
except BaseException as error:
    facts["interfaces_error"] = f"{type(error).__name__}: {error}"
try:
    rclpy.init()
    facts["rmw"] = rclpy.get_rmw_implementation_identifier()
    name = f"robot_learning_doctor_{os.getpid()}"
    node = rclpy.create_node(name)
    time.sleep(2.0)
    names = node.get_node_names_and_namespaces()
    facts["nodes"] = sorted((space.rstrip("/") + "/" + n) for n, space in names if n != name)
    node.destroy_node()
    rclpy.try_shutdown()
except BaseException as error:
    facts["rmw_error"] = f"{type(error).__name__}: {error}"
print(json.dumps(facts))
"""


def check_graph(base: Mapping[str, str] | None = None) -> list[Check]:
    """Everything about ROS 2 that a process of the graph meets, from such a process.

    Args:
        base: environment to start from; None is this process's.
    """
    try:
        env = graph_environment(base=base)
    except WorkspaceError as error:
        where, _, what = str(error).rpartition("; ")
        return [fail("workspace", where or str(error), what or _SETUP)]
    try:
        run = subprocess.run(
            [sys.executable, "-c", _PROBE, INTERFACES],
            env=env,
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
        )
        facts = json.loads(run.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        fact = f"a node did not start within {PROBE_TIMEOUT_S:.0f} s"
        return [
            fail("rclpy", fact, "clear leftovers: rm /dev/shm/*fastrtps_*, with no node running")
        ]
    except (ValueError, IndexError):
        return [fail("rclpy", f"died with exit status {run.returncode}", "make clean setup")]
    checks = judge_probe(facts, env)
    return [*checks, check_profile(Path(env["FASTRTPS_DEFAULT_PROFILES_FILE"]))]


def judge_probe(facts: Mapping[str, Any], env: Mapping[str, str]) -> list[Check]:
    """Findings from what a process of the graph said of itself.

    Args:
        facts: the probe's answer: `rclpy`, `version`, `rmw`, `nodes`; `*_error` where one failed.
        env: the environment that it ran in.
    """
    if "rclpy_error" in facts:
        return [fail("rclpy", f"does not import: {facts['rclpy_error']}", _SETUP)]
    checks = [_judge_version(str(facts.get("version", "?")), str(facts["rclpy"]))]
    if "interfaces_error" in facts:
        checks.append(fail("workspace", f"{INTERFACES}: {facts['interfaces_error']}", _SETUP))
    else:
        checks.append(ok("workspace", f"{INTERFACES} imports"))
    if "rmw_error" in facts:
        mend = "unset RMW_IMPLEMENTATION and FASTRTPS_DEFAULT_PROFILES_FILE, then try again"
        return [*checks, fail("middleware", str(facts["rmw_error"]), mend)]
    if facts["rmw"] == MIDDLEWARE:
        checks.append(ok("middleware", MIDDLEWARE))
    else:
        mend = f"export RMW_IMPLEMENTATION={MIDDLEWARE}: the figures are measured with it"
        checks.append(warn("middleware", str(facts["rmw"]), mend))
    return [*checks, _judge_domain(list(facts["nodes"]), env)]


def _judge_version(found: str, where: str) -> Check:
    fact = f"{found} ({where})"
    if found.startswith(RCLPY_JAZZY):
        return ok("rclpy", fact)
    return warn("rclpy", fact, "use ROS 2 Jazzy: another release is not tested")


def _judge_domain(nodes: list[str], env: Mapping[str, str]) -> Check:
    domain = env.get("ROS_DOMAIN_ID") or "0"
    if not nodes:
        return ok("domain", f"{domain} is free")
    some = ", ".join(nodes[:3]) + (", ..." if len(nodes) > 3 else "")
    mend = "stop them, or choose a free domain: export ROS_DOMAIN_ID=N (N from 0 to 101)"
    return warn("domain", f"{domain} has {len(nodes)} other nodes: {some}", mend)


def check_profile(path: Path) -> Check:
    """The Fast DDS profile: there, well-formed, and with shared memory for a camera image."""
    name = "Fast DDS profile"
    mend = "unset FASTRTPS_DEFAULT_PROFILES_FILE to use the one that comes with this project"
    try:
        root = ElementTree.parse(path).getroot()
    except OSError as error:
        return fail(name, f"{path}: {error.strerror}", mend)
    except ElementTree.ParseError as error:
        return fail(name, f"{path}: broken XML: {error}", mend)
    sizes = {
        _text(transport, "segment_size")
        for transport in root.iter()
        if _tag(transport) == "transport_descriptor" and _text(transport, "type") == "SHM"
    }
    largest = max((int(size) for size in sizes if size and size.isdigit()), default=0)
    if largest < 1_000_000:
        fact = f"{path}: no shared-memory segment that holds a 640x480 image (1 MB)"
        return warn(name, fact, mend)
    return ok(name, f"{path}, segments of {largest / 2**20:.0f} MiB")


def check_shared_memory(folder: Path = FOLDER, free_bytes: int | None = None) -> Check:
    """Shared memory: there, writable, large enough, and not full of dead processes' segments."""
    name = "shared memory"
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return fail(
            name, f"{folder} is missing or not writable", f"sudo mount -t tmpfs tmpfs {folder}"
        )
    free_mb = (shutil.disk_usage(folder).free if free_bytes is None else free_bytes) / 1e6
    dead = dead_segments(folder)
    fact = f"{free_mb:.0f} MB free in {folder}, {len(dead)} segments of dead processes"
    if free_mb < SHM_NEEDED_MB:
        mend = f"sudo mount -o remount,size=1G {folder} (in Docker: --shm-size=1g)"
        if dead:
            mend = "start any graph: its nodes clear them; or " + mend
        return warn(name, fact, mend)
    return ok(name, fact)


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(parent: ElementTree.Element, tag: str) -> str | None:
    for child in parent:
        if _tag(child) == tag:
            return (child.text or "").strip()
    return None
