"""Look at the host itself: who listens, what is routed, which files are there.

Room 2 (observed); may import model. Linux only: it reads /proc.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import os
import re
import stat
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

from reconciler.model import Listener

_PROC = Path("/proc")
_NET = Path("/proc/thread-self/net")  # not /proc/net: that is the main thread's network namespace
_LISTENS = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}
_MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_LONG_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_MOUNTED = re.compile(r"/containers/([0-9a-f]{64})/[a-z.]+$")
_ENGINE_FILES = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
_CHUNK = 1 << 20
_LARGEST = 1 << 30
"""Bytes. A container can make a file of any size out of nothing, and we would read for hours."""


# ── listeners ────────────────────────────────────────────────────────────────────────────────────


def listeners(named: frozenset[tuple[str, int]]) -> tuple[Listener, ...]:
    """List the sockets that listen on this host; find the owner of those on the `named` ports (protocol, number).

    Finding owners walks the descriptors of every process, so it is left out when no named port is taken.
    """
    sockets = [entry for table, state in _LISTENS.items() for entry in _listening(table, state)]
    owners = _owners({inode for protocol, _, port, inode in sockets if (protocol, port) in named})
    found = {Listener(address, port, protocol, owners.get(inode, "")) for protocol, address, port, inode in sockets}
    return tuple(sorted(found, key=lambda one: (one.port, one.protocol, one.address, one.owner)))


def _listening(table: str, state: str) -> Iterator[tuple[str, str, int, str]]:
    for line in _lines(_NET / table)[1:]:
        fields = line.split()
        if fields[3] == state:
            address, _, port = fields[1].partition(":")
            yield table.removesuffix("6"), _address(address), int(port, 16), fields[9]


def _address(text: str) -> str:
    """Read the kernel's form, words of four bytes in host order; "" for all addresses."""
    packed = b"".join(bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8))
    address = ipaddress.ip_address(packed)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return "" if address.is_unspecified else str(mapped or address)


def _owners(inodes: set[str]) -> dict[str, str]:
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    owners: dict[str, str] = {}
    if not wanted:
        return owners
    for process in sorted(
        (entry for entry in _PROC.iterdir() if entry.name.isdecimal()), key=lambda entry: int(entry.name)
    ):
        with contextlib.suppress(OSError):  # it ended, or is not ours to look at
            for descriptor in (process / "fd").iterdir():
                inode = wanted.get(_link(descriptor))
                if inode is not None:
                    owners.setdefault(
                        inode, f"{(process / 'comm').read_text(errors='replace').strip()} (pid {process.name})"
                    )
    return owners


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:  # it was closed meanwhile
        return ""


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except FileNotFoundError:  # a kernel without IPv6, or without cgroups
        return []


# ── routes and identity ──────────────────────────────────────────────────────────────────────────


def routes() -> tuple[str, ...]:
    """List the IPv4 subnets that the host routes already, and its own addresses outside of them (CIDR)."""
    networks = {network for network in _routed() if network.prefixlen}
    lengths = {network.prefixlen for network in networks}
    alone = {own for own in _own_addresses() if not any(own.supernet(new_prefix=at) in networks for at in lengths)}
    return tuple(map(str, sorted(networks | alone)))


def _routed() -> Iterator[ipaddress.IPv4Network]:
    for line in _lines(_NET / "route")[1:]:
        fields = line.split()
        address, mask = (int.from_bytes(bytes.fromhex(fields[at]), "little") for at in (1, 7))
        yield ipaddress.IPv4Network((address, mask.bit_count()))


def _own_addresses() -> Iterator[ipaddress.IPv4Network]:
    """Read the kernel's tree of routes: an address, and below it what it stands for."""
    address = ""
    for line in _lines(_NET / "fib_trie"):
        head, _, rest = line.strip().partition(" ")
        if head == "|--":
            address = rest
        elif line.strip() == "/32 host LOCAL" and not address.startswith("127."):
            yield ipaddress.IPv4Network(f"{address}/32")


def machine_id() -> str:
    """Return the identity of this installation, "" when it has none."""
    for path in _MACHINE_IDS:
        with contextlib.suppress(OSError):
            if text := path.read_text().strip():
                return text
    return ""


def own_container(known: Collection[str]) -> str | None:
    """Return which of the `known` containers (ids) of an engine we ourselves run in, None for none of them."""
    return next((found for found in _own_ids() if found in known), None)


@cache
def _own_ids() -> tuple[str, ...]:
    """Read once what never changes while we run."""
    cgroup, mounts = ("\n".join(_lines(_PROC / "self" / name)) for name in ("cgroup", "mountinfo"))
    return container_ids(cgroup, mounts)


def container_ids(cgroup: str, mountinfo: str) -> tuple[str, ...]:
    """Return the ids of the containers a process may be in: of any engine, the likeliest first.

    The cgroup is the container's own, but often hidden. The mounted files are another container's where its network is shared.
    """
    inner_first = reversed(_LONG_ID.findall(cgroup))
    mounts = (line.split()[3:5] for line in mountinfo.splitlines())
    files = (_MOUNTED.search(source) for source, target in mounts if target in _ENGINE_FILES)
    return tuple(dict.fromkeys((*inner_first, *(match[1] for match in files if match))))


# ── files ────────────────────────────────────────────────────────────────────────────────────────


def missing(paths: frozenset[str]) -> frozenset[str]:
    """Choose those paths that do not exist, or are links to nowhere."""
    return frozenset(path for path in paths if not os.path.exists(path))  # noqa: PTH110 - no error, whatever path git names


def digest(path: str, folders: frozenset[str]) -> str | None:
    """Return git's blob id of a file's content; None when it is absent, no plain file, huge, or only reached through a link.

    Links are followed down to the innermost of `folders` that holds the file, and not below it: there a container may
    have put them.
    """
    root = next((above for above in _above(path) if above in folders), path.rpartition("/")[0])
    try:
        descriptor = _open_below(root, path[len(root) + 1 :])
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        plain = stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST
        return _blob_id(descriptor, status.st_size) if plain else None
    finally:
        os.close(descriptor)


def _above(path: str) -> Iterator[str]:
    """Yield the folders that hold a path, the innermost first."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def _blob_id(descriptor: int, size: int) -> str:
    blob = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    while chunk := os.read(descriptor, _CHUNK):
        blob.update(chunk)
    return blob.hexdigest()


def _open_below(root: str, relative: str) -> int:
    *folders, name = relative.split("/")
    handle = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            inner = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=handle)
            os.close(handle)
            handle = inner
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=handle)
    finally:
        os.close(handle)
