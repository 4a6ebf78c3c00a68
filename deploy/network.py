"""A network namespace for this process, so that a private dockerd can never touch the machine's own engine."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCBRADDBR = 0x8913, 0x8914, 0x89A0
_IFF_UP = 0x1

_moved_in: list[int] = []


def own_network() -> None:
    """Move this thread, and all it starts later, to a network namespace of its own with loopback up; once per process.

    Needs root. A dockerd deletes or re-creates `docker0` and firewall chains as it starts: here it finds none but its own.
    """
    if _moved_in == [os.getpid()]:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "a network namespace of its own needs root")
    _moved_in[:] = [os.getpid()]
    _set_up("lo")


def add_bridge(name: str) -> None:
    """Make a bridge device without address in this process's network, for the daemon key `bridge`."""
    if Path(f"/proc/thread-self/net/dev_snmp6/{name}").exists():
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, _SIOCBRADDBR, name.encode() + b"\0")
    _set_up(name)


def _set_up(name: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh14x", name.encode(), 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(sock, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh14x", name.encode(), flags | _IFF_UP))
