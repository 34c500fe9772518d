"""The process around a node: executor, signals, and a way out that comes to rest first."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from robot_learning.contract import ContractError
from robot_learning.shared_memory import clear_dead_segments
from robot_learning.workspace import without_shared_memory
from robot_learning_nodes.enclave import with_enclave
from robot_learning_nodes.graph_node import GraphNode, StartError
from robot_learning_nodes.parameters import ParameterError

CALLBACKS_BETWEEN_WORK = 16
NICENESS = 5  # of the processes that give way
# Messages and states hold no cycles: the collector need not look for some at every tenth message.
COLLECTOR_THRESHOLDS = (20_000, 20, 20)


def make_executor(kind: str) -> Any:
    """The executor by name.

    The events executor wakes for the entity that is ready instead of building a wait set of all:
    about twice the message rate for nodes with a lifecycle's services. Its `spin()` never returns
    in the wheels, so everything here calls `spin_once` with a timeout.
    """
    if kind == "events":
        try:
            from rclpy.experimental import EventsExecutor
        except ImportError:
            kind = "single_threaded"
    return EventsExecutor() if kind == "events" else SingleThreadedExecutor()


class _Exit:
    """Turns SIGINT and SIGTERM into a flag, so that the way out can still publish."""

    def __init__(self) -> None:
        self.signal = 0
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._set)

    def _set(self, number: int, _frame: FrameType | None) -> None:
        self.signal = number


def run(
    node_class: type[GraphNode],
    arguments: Sequence[str] | None = None,
    work: Callable[[Any], bool] | None = None,
) -> int:
    """Runs a node until a signal or until it asks to end; the exit code.

    Args:
        node_class: the node.
        arguments: command line, without the program; that of the process when None.
        work: called between callbacks, for nodes that compute in the main thread; returns whether
            there was anything to do.
    """
    given = sys.argv if arguments is None else arguments
    if not node_class.shares_memory:
        os.environ.update(without_shared_memory(os.environ))  # DDS reads it from there
    clear_dead_segments()  # of killed nodes, or memory fills from one run to the next
    rclpy.init(
        args=with_enclave(given, node_class.enclave or node_class.name),
        signal_handler_options=SignalHandlerOptions.NO,
    )
    leave = _Exit()
    if node_class.gives_way:
        os.nice(NICENESS)
    node = _make(node_class)
    if node is None:
        gc.collect()  # the half-made node, which holds the participant
        rclpy.try_shutdown()
        return 2
    executor = make_executor(node.values["executor"])
    executor.add_node(node)
    node.exit_code = None
    gc.collect()
    gc.freeze()  # what the imports made is not looked through again
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
    try:
        busy = False
        while not leave.signal and node.exit_code is None:
            if busy:
                # spin_once takes one message; while computing, take what has come in between.
                for _ in range(CALLBACKS_BETWEEN_WORK):
                    executor.spin_once(timeout_sec=0.0)
            else:
                executor.spin_once(timeout_sec=0.05)
            busy = work(node) if work else False
    finally:
        # Whatever happened, an exception included: first the arm, then the rest.
        node.stop()
        linger_until = time.monotonic() + getattr(node, "linger_s", 0.0)
        while time.monotonic() < linger_until:
            executor.spin_once(timeout_sec=0.01)
        leave_graph(executor, node)
    return node.exit_code or 0


def _make(node_class: type[GraphNode]) -> Any:
    """The node; None, and its reason on standard error, where it refuses what it was given."""
    try:
        return node_class()
    except (ParameterError, ContractError, StartError) as error:
        print(f"{node_class.name}: {error}", file=sys.stderr, flush=True)
        return None


def leave_graph(executor: Any, node: Node, context: Context | None = None) -> None:
    """Closes everything that holds the DDS participant, which then removes its shared memory.

    Whatever is left when the process exits stays in shared memory, 64 MiB a participant. The events
    executor holds the node's handle until it is shut down.
    """
    executor.remove_node(node)
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown(context=context)


def exit_process(code: int) -> None:
    """Leaves at once once everything is closed.

    DDS threads must not delay or crash the exit, nor bindings print what they still hold.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
