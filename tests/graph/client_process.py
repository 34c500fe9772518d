"""A test's hand in the graph: a real rclpy process that does what JSON lines on stdin ask.

Commands (one object a line; one object a line comes back):
  {"do": "listen", "topic": T, "type": "pkg/Msg", "latched": bool}    keeps what arrives
  {"do": "take", "topic": T}                                        what has arrived, and forgets it
  {"do": "publish", "topic": T, "type": "pkg/Msg", "fields": {...}, "latched": bool}
  {"do": "call", "service": S, "type": "pkg/Srv", "fields": {...}, "timeout_s": 5}
  {"do": "send_goal", "action": A, "type": "pkg/Action", "fields": {...}}       is it taken?
  {"do": "say", "topic": T, "type": "pkg/Msg", "fields": {...}}     without waiting for a reader
  {"do": "nodes"}                            every node: its enclave, and what it has, by names
  {"do": "set_parameter"...} is not here: the nodes' parameters are read-only
"""

from __future__ import annotations

import array
import importlib
import json
import os
import sys
import threading
import time
from typing import Any

import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy


def load(name: str, kind: str) -> Any:
    package, _, type_name = name.partition("/")
    return getattr(importlib.import_module(f"{package}.{kind}"), type_name)


def dump(value: Any) -> Any:
    if hasattr(value, "get_fields_and_field_types"):
        return {k: dump(getattr(value, k)) for k in value.get_fields_and_field_types()}
    if isinstance(value, bytes):
        return int.from_bytes(value, "little") if len(value) == 1 else value.hex()
    if isinstance(value, array.array | np.ndarray):
        return len(value) if len(value) > 1000 else [dump(v) for v in value.tolist()]
    if isinstance(value, list | tuple):
        return [dump(v) for v in value]
    return value


def fill(message: Any, fields: dict[str, Any]) -> Any:
    types = message.get_fields_and_field_types()
    for key, value in fields.items():
        current = getattr(message, key)
        if isinstance(value, dict):
            fill(current, value)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            inner = types[key].removeprefix("sequence<").removesuffix(">")
            setattr(message, key, [fill(load(inner, "msg")(), item) for item in value])
        else:
            setattr(message, key, value)
    return message


def profile(latched: bool, depth: int = 10) -> QoSProfile:
    durability = DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE
    return QoSProfile(depth=depth, reliability=ReliabilityPolicy.RELIABLE, durability=durability)


class Client:
    def __init__(self) -> None:
        rclpy.init()
        self.node = rclpy.create_node(os.environ.get("CLIENT_NAME", "test_client"))
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.kept: dict[str, list[Any]] = {}
        self.publishers: dict[str, Any] = {}
        self.lock = threading.Lock()
        self.ending = False
        self.thread = threading.Thread(target=self.spin, daemon=True)
        self.thread.start()

    def spin(self) -> None:
        try:
            while not self.ending:
                self.executor.spin_once(timeout_sec=0.05)
        except ExternalShutdownException:
            return

    def listen(
        self, topic: str, type: str, latched: bool = False, best_effort: bool = False
    ) -> Any:
        self.kept[topic] = []

        def receive(message: Any) -> None:
            with self.lock:
                self.kept[topic].append({"received_s": time.monotonic(), **dump(message)})

        qos = profile(latched, 1000)
        if best_effort:
            qos.reliability = ReliabilityPolicy.BEST_EFFORT
        self.node.create_subscription(load(type, "msg"), topic, receive, qos)
        return True

    def take(self, topic: str) -> Any:
        with self.lock:
            taken, self.kept[topic] = self.kept[topic], []
        return taken

    def advertise(self, topic: str, type: str, latched: bool = False) -> Any:
        if topic not in self.publishers:
            self.publishers[topic] = self.node.create_publisher(
                load(type, "msg"), topic, profile(latched)
            )
        return self.publishers[topic]

    def publish(self, topic: str, type: str, fields: dict[str, Any], latched: bool = False) -> Any:
        publisher = self.advertise(topic, type, latched)
        end = time.monotonic() + 5
        while publisher.get_subscription_count() == 0 and time.monotonic() < end:
            time.sleep(0.01)
        publisher.publish(fill(load(type, "msg")(), fields))
        return publisher.get_subscription_count()

    def say(self, topic: str, type: str, fields: dict[str, Any]) -> Any:
        """Publishes, whether anybody hears it or not."""
        self.advertise(topic, type).publish(fill(load(type, "msg")(), fields))
        return True

    def retire(self, topic: str) -> Any:
        self.node.destroy_publisher(self.publishers.pop(topic))
        return True

    def call(self, service: str, type: str, fields: dict[str, Any], timeout_s: float = 10.0) -> Any:
        return self.ask(load(type, "srv"), service, fields, timeout_s)

    def send_goal(self, action: str, type: str, fields: dict[str, Any]) -> Any:
        """As an action client does that dies before the goal has ended."""
        kind = load(type, "action").Impl.SendGoalService
        fields = {"goal_id": {"uuid": list(os.urandom(16))}, "goal": fields}
        return self.ask(kind, f"{action}/_action/send_goal", fields, 10.0)["accepted"]

    def ask(self, kind: Any, service: str, fields: dict[str, Any], timeout_s: float) -> Any:
        client = self.node.create_client(kind, service)
        try:
            if not client.wait_for_service(timeout_sec=timeout_s):
                return {"error": f"no service {service}"}
            future = client.call_async(fill(kind.Request(), fields))
            end = time.monotonic() + timeout_s
            while not future.done() and time.monotonic() < end:
                time.sleep(0.005)
            return dump(future.result()) if future.done() else {"error": f"no answer of {service}"}
        finally:
            self.node.destroy_client(client)

    def nodes(self) -> Any:
        found = {}
        for name, namespace, enclave in self.node.get_node_names_and_namespaces_with_enclaves():
            asked = {
                "publishes": self.node.get_publisher_names_and_types_by_node,
                "hears": self.node.get_subscriber_names_and_types_by_node,
                "serves": self.node.get_service_names_and_types_by_node,
                "calls": self.node.get_client_names_and_types_by_node,
            }
            has = {kind: [n for n, _ in ask(name, namespace)] for kind, ask in asked.items()}
            found[name] = {"enclave": enclave, **has}
        return found


def main() -> None:
    client = Client()
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = getattr(client, command.pop("do"))(**command)
            if hasattr(answer, "publish"):
                answer = True
        except Exception as error:  # the test sees every failure of its own hand
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
    client.ending = True
    client.thread.join()
    client.executor.shutdown()
    client.node.destroy_node()
    rclpy.try_shutdown()
    os._exit(0)


if __name__ == "__main__":
    main()
