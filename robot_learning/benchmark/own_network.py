"""A network of its own for some processes, which can be cut: Linux's network namespaces.

It needs root, util-linux and iproute2. Processes in it hear each other by loopback alone, and
when that is down, not at all: as when a cable is pulled between machines.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

_PROGRAMS = ("unshare", "nsenter", "ip")


def network_is_possible() -> bool:
    """Whether this process may make one."""
    return os.geteuid() == 0 and all(shutil.which(program) for program in _PROGRAMS)


class OwnNetwork:
    """A namespace; what begins with `enter` runs in it."""

    def __init__(self, holder: int) -> None:
        """Held open by the process with this number."""
        self.enter = ["nsenter", f"--net=/proc/{holder}/ns/net"]

    def set_up(self, is_up: bool) -> None:
        """Lets everything through, or nothing.

        Raises:
            subprocess.CalledProcessError: it cannot be done.
        """
        self.run("ip", "link", "set", "lo", "up" if is_up else "down")
        if is_up:  # the route goes with the interface
            self.run("ip", "route", "add", "224.0.0.0/4", "dev", "lo")

    def run(self, *words: str) -> None:
        """Runs a command in it to its end.

        Raises:
            subprocess.CalledProcessError: it fails.
        """
        subprocess.run([*self.enter, *words], check=True)


@contextmanager
def own_network() -> Iterator[OwnNetwork]:
    """A new one, with loopback up.

    Raises:
        subprocess.CalledProcessError: it cannot be made.
    """
    held = ["unshare", "--net", "sh", "-c", "echo made; exec sleep infinity"]
    holder = subprocess.Popen(held, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        network = OwnNetwork(holder.pid)
        network.run("ip", "link", "set", "lo", "multicast", "on")
        network.set_up(True)
        yield network
    finally:
        holder.kill()
        holder.wait()
