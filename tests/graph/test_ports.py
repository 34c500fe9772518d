"""What a node opens to the network: nothing beyond this machine's loopback, unless asked."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from conftest import Client, Graph

from robot_learning.benchmark.own_network import OwnNetwork, network_is_possible, own_network
from robot_learning.workspace import graph_environment, without_shared_memory

pytestmark = [pytest.mark.graph, pytest.mark.timeout(180)]

LOOPBACK = "0100007F"  # as /proc/net has addresses
TCP_LISTEN = "0A"
ADDRESSES = ("10.77.0.1", "10.77.0.2")


def sockets(pid: int, kind: str) -> list[tuple[str, int, str]]:
    """Local address, port and state of a process's sockets, by what the kernel says."""
    own = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        target = str(entry.readlink()) if entry.is_symlink() else ""
        if target.startswith("socket:["):
            own.add(target[8:-1])
    rows = [line.split() for line in Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]]
    return [
        (address, int(port, 16), row[3])
        for row in rows
        if row[9] in own
        for address, _, port in [row[1].partition(":")]
    ]


@pytest.mark.parametrize("name", ["arbiter", "safety_monitor"])
def test_the_ports_of_a_node_are_on_loopback(graph: Graph, name: str) -> None:
    node = graph.node(name)
    heard = graph.client()
    heard.listen(topic="heartbeat", type="robot_learning_interfaces/Heartbeat")
    heard.wait("heartbeat", lambda message: message["node"] == name, timeout_s=60)
    # Who stops the arm shares no memory with others: one that is frozen could hold a lock there.
    mapped = Path(f"/proc/{node.pid}/maps").read_text()
    assert ("/dev/shm/fastrtps" in mapped) is (name == "arbiter")
    # What is received on has a port of DDS; what is only sent from, one of the kernel's choice.
    first = 7400 + 250 * graph.domain_id
    of_dds = {*range(7000, 7400), *range(first, first + 250)}
    received_on = {address for address, port, _ in sockets(node.pid, "udp") if port in of_dds}
    assert received_on == {LOOPBACK}
    listening = [s for kind in ("tcp", "tcp6") for s in sockets(node.pid, kind)]
    assert [s for s in listening if s[2] == TCP_LISTEN] == []


@pytest.fixture
def two_hosts() -> Iterator[tuple[OwnNetwork, OwnNetwork]]:
    """Two machines, as far as the network is concerned, with a cable between them."""
    if not network_is_possible():
        pytest.skip("network namespaces need root, util-linux and iproute2")
    with ExitStack() as stack:
        hosts = (stack.enter_context(own_network()), stack.enter_context(own_network()))
        other = hosts[1].enter[1].partition("=")[2]
        hosts[0].run("ip", "link", "add", "cable", "type", "veth", "peer", "cable", "netns", other)
        for host, address in zip(hosts, ADDRESSES, strict=True):
            host.run("ip", "addr", "add", f"{address}/24", "dev", "cable")
            host.run("ip", "link", "set", "cable", "up")
        for host in hosts:
            wait_for_cable(host)
        yield hosts


def wait_for_cable(host: OwnNetwork) -> None:
    """The kernel calls a link up only some time after it was set up.

    A participant of Fast DDS that starts before then has no address but loopback's, and tells
    others to answer there, for as long as it lives.
    """
    end = time.monotonic() + 10.0
    while time.monotonic() < end:
        shown = subprocess.run(
            [*host.enter, "ip", "-j", "link", "show", "cable"],
            check=True,
            capture_output=True,
            text=True,
        )
        if json.loads(shown.stdout)[0]["operstate"] == "UP":
            return
        time.sleep(0.05)
    raise AssertionError("the cable between the two networks never came up")


@pytest.mark.parametrize(
    ("own", "asked"),
    [
        ({}, False),
        ({"ROS_STATIC_PEERS": ADDRESSES[1]}, True),
        ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}, True),
    ],
    ids=["by default", "by peers", "by range"],
)
def test_another_machine_reaches_the_graph_only_where_that_was_asked_for(
    graph: Graph, two_hosts: tuple[OwnNetwork, OwnNetwork], own: dict[str, str], asked: bool
) -> None:
    environment = graph_environment(graph.domain_id, plain(graph) | own)
    wait_s = 20.0 if asked else 6.0
    assert heard_across(graph, two_hosts, environment, wait_s=wait_s) is asked


def test_who_stops_an_arm_is_heard_across_machines_too(
    graph: Graph, two_hosts: tuple[OwnNetwork, OwnNetwork]
) -> None:
    wide = plain(graph) | {"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}
    environment = without_shared_memory(graph_environment(graph.domain_id, wide))
    assert heard_across(graph, two_hosts, environment, shares_memory=False)


def plain(graph: Graph) -> dict[str, str]:
    """The graph's environment before a profile and a range were chosen."""
    chosen = ("FASTRTPS_DEFAULT_PROFILES_FILE", "ROS_AUTOMATIC_DISCOVERY_RANGE")
    return {key: value for key, value in graph.environment.items() if key not in chosen}


def heard_across(
    graph: Graph,
    two_hosts: tuple[OwnNetwork, OwnNetwork],
    environment: dict[str, str],
    *,
    wait_s: float = 20.0,
    shares_memory: bool = True,
) -> bool:
    """Whether a process of another machine hears one with this environment."""
    here, there = two_hosts
    outsider_environment = {
        **plain(graph),
        # Machines share no memory: what is heard came by the cable.
        "FASTDDS_BUILTIN_TRANSPORTS": "UDPv4",
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET",
        "ROS_STATIC_PEERS": ADDRESSES[0],
    }
    outsider = Client(outsider_environment, within=there.enter)
    try:
        inside = Client(environment, within=here.enter)
        try:
            mapped = Path(f"/proc/{inside.process.pid}/maps").read_text()
            assert ("/dev/shm/fastrtps" in mapped) is shares_memory
            inside.advertise(topic="word", type="std_msgs/String")
            outsider.listen(topic="word", type="std_msgs/String")
            end = time.monotonic() + wait_s
            heard: list[dict[str, str]] = []
            while not heard and time.monotonic() < end:
                inside.say(topic="word", type="std_msgs/String", fields={"data": "x"})
                heard = outsider.take(topic="word")
                time.sleep(0.1)
        finally:
            inside.process.kill()
    finally:
        outsider.process.kill()
    return bool(heard)
