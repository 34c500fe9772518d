"""The stand-in's ports: requests and reports, on this machine's loopback and nowhere else.

Frames: the maker's manual of the private protocol, "Communication Format". Reports: "Data
Description of TCP port"; 30003 a hundred times a second, 30001 and 30002 five times.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import numpy as np

from robot_learning.backends.xarm_sdk import CONTROL_PORT, Address
from sim.xarm.controller import JOINTS, ArmKind, XArmController

LOOPBACK = "127.0.0.1"
REPORTS_HZ = {30001: 5.0, 30002: 5.0, 30003: 100.0}
_HEADER = struct.Struct(">HHH")
_LENGTH_MAX = 1024
_RICH_SIZE = 245


class XArmServer:
    """Serves one controller; any number of clients, as on the real one.

    Attributes:
        address: for a backend's parameter.
    """

    def __init__(
        self, controller: XArmController, host: str = LOOPBACK, port: int = CONTROL_PORT
    ) -> None:
        """Listens.

        Args:
            controller: whose answers these are.
            host: a loopback address; each one in 127.0.0.0/8 has ports of its own.
            port: of commands. The maker's, 502, is often for root only.

        Raises:
            OSError: a port is taken, or not for this user.
            ValueError: the address is none of the loopback.
        """
        if not ipaddress.IPv4Address(host).is_loopback:
            raise ValueError(f"{host} is no loopback address: the stand-in serves no network")
        self.controller = controller
        self._closing = threading.Event()
        self._clients: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._listeners = _listen(host, port)
        commands, *reports = self._listeners
        self.address = str(Address(host, port))
        self._start(self._accept, commands, self._serve)
        for kind, listener in zip(REPORTS_HZ, reports, strict=True):
            self._start(self._accept, listener, lambda client, k=kind: self._report(client, k))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes every connection, as when the box is switched off; safe to call twice."""
        self._closing.set()
        for listener in self._listeners:
            _shut(listener)
        self.drop_clients()

    def drop_clients(self) -> None:
        """Closes the connections and goes on listening, as when a cable is pulled and put back."""
        with self._guard:
            clients, self._clients = self._clients, set()
        for client in clients:
            _shut(client)

    def _start(self, run: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=run, args=arguments, daemon=True, name="xarm_standin").start()

    def _accept(self, listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
        while not self._closing.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.settimeout(None)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._guard:
                self._clients.add(client)
            self._start(self._until_gone, client, serve)

    def _until_gone(self, client: socket.socket, serve: Callable[[socket.socket], None]) -> None:
        with contextlib.suppress(OSError):  # the client left, or was dropped
            serve(client)
        with self._guard:
            self._clients.discard(client)
        client.close()

    def _serve(self, client: socket.socket) -> None:
        while header := _receive(client, _HEADER.size):
            number, protocol, length = _HEADER.unpack(header)
            if not 0 < length <= _LENGTH_MAX:
                return
            body = _receive(client, length)
            if not body:
                return
            answer = self.controller.handle(body[0], body[1:])
            if answer is not None:
                status, data = answer
                reply = bytes([body[0], status]) + data
                client.sendall(_HEADER.pack(number, protocol, len(reply)) + reply)

    def _report(self, client: socket.socket, kind: int) -> None:
        period_s = 1.0 / REPORTS_HZ[kind]
        due_s = time.monotonic()
        while not self._closing.wait(max(0.0, due_s - time.monotonic())):
            client.sendall(report(kind, self.controller))
            due_s = max(due_s + period_s, time.monotonic())


def report(kind: int, controller: XArmController) -> bytes:
    """What the port of that number says now."""
    now = controller.snapshot()
    pose = np.zeros(6)  # of the tool: the stand-in has no kinematics
    body = bytes([now.state | now.mode << 4]) + bytes(2)
    body += _floats(now.position_rad) + _floats(pose) + _floats(np.zeros(JOINTS))
    if kind == 30003:
        body += _floats(np.zeros(12))  # six-axis sensor
    else:
        motors = 0x7F if now.enabled else 0
        body += bytes([motors, motors, now.error, 0])
        body += _floats(np.zeros(6)) + _floats(np.zeros(4)) + bytes([3, 3])
        body += _floats(np.array([0.0, 0.0, -1.0]))
        if kind == 30002:
            body += _rich(controller.kind)
    return struct.pack(">I", len(body) + 4) + body


def _rich(kind: ArmKind) -> bytes:
    """What 30002 says beyond 30001, as far as the SDK always reads."""
    numbers = bytes([kind.kind, kind.axes, 0xAA, 0x55, 0, 0])
    numbers += kind.version.encode()[:30].ljust(30, b"\0")
    numbers += _floats(np.array([1000.0, 1.0, 50000.0, 0.1, 1000.0]))
    numbers += _floats(np.array([20.0, 0.01, 20.0, 0.0001, kind.velocity_max_rad_s]))
    return (numbers + _floats(np.array([2.3, 2.7])) + bytes(16))[: _RICH_SIZE - 145]


def _listen(host: str, port: int) -> list[socket.socket]:
    """Sockets for commands and each kind of report."""
    made: list[socket.socket] = []
    try:
        for number in (port, *REPORTS_HZ):
            made.append(socket.create_server((host, number)))
            made[-1].settimeout(None)  # in a process with the SDK the default is a second
    except OSError as error:
        for listener in made:
            listener.close()
        raise OSError(
            error.errno, f"cannot listen at {host}, port {number}: {error.strerror}"
        ) from None
    return made


def _receive(client: socket.socket, size: int) -> bytes:
    """Exactly so many bytes; none when the client has gone."""
    data = b""
    while len(data) < size:
        piece = client.recv(size - len(data))
        if not piece:
            return b""
        data += piece
    return data


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it was never connected, or is gone
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def _floats(values: np.ndarray) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)
