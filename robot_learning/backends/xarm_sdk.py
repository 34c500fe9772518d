"""UFACTORY's Python SDK: loaded where it is used, told where the arm is, its codes put into words.

Read against xarm-python-sdk 1.18.4. What one must know of it:

- it writes to standard output when it is imported, and while it connects, and makes a folder
  `~/.UFACTORY`;
- it keeps the port of all arms in one place for the whole process;
- it takes a socket in /tmp, which any user of this machine can make, for the arm, unless forbidden;
- it changes Python's default timeout of sockets whenever it connects, also by itself.
"""

from __future__ import annotations

import contextlib
import importlib
import ipaddress
import socket
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from robot_learning.backends.base import BackendError

CONTROL_PORT = 502
CONNECT_TIMEOUT_S = 3.0
# Transaction 1, private protocol, one byte to come: register 1.
_ASK_VERSION = bytes([0, 1, 0, 2, 0, 1, 1])
DONE = 0
"""The SDK's code for a request that was carried out."""


class Address(NamedTuple):
    """Where a controller listens; its reports are always on the maker's ports.

    Attributes:
        host: IPv4 address, or `localhost`.
        port: of commands; 502 but for the stand-in, which need not be root's.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return self.host if self.port == CONTROL_PORT else f"{self.host}:{self.port}"


def read_address(text: str) -> Address:
    """`HOST` or `HOST:PORT`.

    Raises:
        BackendError: it is neither; the SDK would take such a text for a serial port.
    """
    host, _, port = text.partition(":")
    try:
        if host != "localhost":
            ipaddress.IPv4Address(host)
        number = int(port) if port else CONTROL_PORT
        if not 0 < number < 65535:
            raise ValueError
    except ValueError:
        raise BackendError(
            f"address {text!r} is not that of an xArm controller: give its IPv4 address (it is on "
            "the controller's label), or HOST:PORT for the stand-in"
        ) from None
    return Address(host, number)


def check_reachable(address: Address) -> None:
    """Asks for the version once: the SDK does not say why it cannot connect, and tries for minutes.

    Raises:
        BackendError: nobody listens there, or nobody who answers as a controller does.
    """
    try:
        with socket.create_connection(address, timeout=CONNECT_TIMEOUT_S) as connection:
            try:
                connection.sendall(_ASK_VERSION)
                answer = connection.recv(64)
            except TimeoutError:
                answer = b""
    except OSError as error:
        raise BackendError(
            f"no xArm controller answers at {address.host}, port {address.port} "
            f"({error.strerror or error}): is it switched on, and is this the address on its label?"
        ) from None
    if not answer.startswith(_ASK_VERSION[:4]):
        raise BackendError(
            f"somebody listens at {address.host}, port {address.port}, but does not answer as an "
            "xArm controller does: is this the address on its label?"
        )


def open_arm(address: Address, *, reports: bool) -> Any:
    """A connected `XArmAPI`, in radians.

    Args:
        address: of the controller.
        reports: whether it listens to the controller's reports, 5 a second.

    Raises:
        BackendError: no SDK, or no controller.
    """
    check_reachable(address)
    with _quiet():
        try:
            wrapper = importlib.import_module("xarm.wrapper")
            ports = importlib.import_module("xarm.core.config.x_config").XCONF.SocketConf
        except ImportError as error:
            raise BackendError(
                f"backend xarm needs the maker's SDK ({error}); "
                "install it: pip install 'robot-learning[xarm]'"
            ) from None
        ports.TCP_CONTROL_PORT = address.port
        arm = wrapper.XArmAPI(
            address.host,
            is_radian=True,
            do_not_open=True,
            enable_report=reports,
            report_type="normal",
            forbid_uds=True,
        )
        try:
            arm.connect()
        except Exception as error:
            # The SDK raises bare exceptions.
            raise BackendError(
                f"what answers at {address} does not speak as an xArm controller: {error}"
            ) from None
    return arm


def describe(error: int) -> str:
    """An error of the controller by its code, in the maker's words."""
    codes = importlib.import_module("xarm.core.config.x_code")
    known = codes.ControllerErrorCodeMap.get(error, {}).get("en", {})
    words = ": ".join(str(known[key]) for key in ("title", "desc") if known.get(key))
    return f"xArm controller error C{error}: {words or 'not in the list of this SDK'}"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What the SDK prints goes to standard error; the sockets' default timeout stays as it was."""
    timeout = socket.getdefaulttimeout()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        socket.setdefaulttimeout(timeout)
