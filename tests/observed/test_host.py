"""What the host itself shows: listeners with their owners, routes, files."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from reconciler.observed import host

NOBODY: frozenset[str] = frozenset()


def listening(family: socket.AddressFamily, kind: socket.SocketKind, address: str) -> socket.socket:
    sock = socket.socket(family, kind)
    sock.bind((address, 0))
    if kind == socket.SOCK_STREAM:
        sock.listen()
    return sock


@pytest.mark.parametrize(
    ("family", "kind", "bound", "shown", "protocol"),
    [
        (socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1", "127.0.0.1", "tcp"),
        (socket.AF_INET, socket.SOCK_STREAM, "0.0.0.0", "", "tcp"),
        (socket.AF_INET6, socket.SOCK_STREAM, "::", "", "tcp"),
        (socket.AF_INET6, socket.SOCK_STREAM, "::1", "::1", "tcp"),
        (socket.AF_INET6, socket.SOCK_STREAM, "::ffff:127.0.0.1", "127.0.0.1", "tcp"),
        (socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1", "127.0.0.1", "udp"),
    ],
)
def test_a_listener_is_seen_with_its_address_and_owner(family, kind, bound, shown, protocol):
    """A socket that listens is listed, and on an asked port its process is named."""
    with listening(family, kind, bound) as sock:
        port = sock.getsockname()[1]
        found = [one for one in host.listeners(frozenset({(protocol, port)})) if one.port == port]
    assert [(one.address, one.protocol) for one in found] == [(shown, protocol)]
    assert found[0].owner.endswith(f"(pid {os.getpid()})")


def test_an_owner_is_looked_for_on_asked_ports_only():
    """Nobody pays for the walk over all processes when no asked port is taken."""
    with listening(socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1") as sock:
        port = sock.getsockname()[1]
        found = [one for one in host.listeners(frozenset({("udp", port)})) if one.port == port]
    assert [one.owner for one in found] == [""]


def test_a_connection_is_no_listener():
    """An open connection takes no port."""
    with (
        listening(socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1") as sock,
        socket.create_connection(sock.getsockname()) as client,
    ):
        port = client.getsockname()[1]
        assert port not in {one.port for one in host.listeners(frozenset())}


def test_routes_are_read_from_the_kernels_tables(tmp_path, monkeypatch):
    """Subnets come as CIDR, the default route is none, an own address without a subnet stands alone."""
    (tmp_path / "route").write_text(
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        "br-a\t0000100A\t00000000\t0001\t0\t0\t0\t0000F0FF\t0\t0\t0\n"
    )
    (tmp_path / "fib_trie").write_text(
        "Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.16.0.1\n        /32 host LOCAL\n"
        "     |-- 172.31.9.9\n        /32 host LOCAL\n     |-- 127.0.0.1\n        /32 host LOCAL\n"
        "     |-- 192.0.2.255\n        /32 link BROADCAST\n"
    )
    monkeypatch.setattr(host, "_NET", tmp_path)
    assert host.routes() == ("10.16.0.0/12", "172.31.9.9/32", "192.0.2.0/24")


def test_a_missing_path_and_a_link_to_nowhere_are_missing(tmp_path):
    """A bind mount of a dangling link fails as one of a missing path does."""
    there, nowhere, absent = tmp_path / "there", tmp_path / "nowhere", tmp_path / "absent"
    there.mkdir()
    nowhere.symlink_to(absent)
    paths = frozenset(map(str, (there, nowhere, absent)))
    assert host.missing(paths) == {str(nowhere), str(absent)}


def test_a_path_that_cannot_be_there_is_missing():
    """Git may name any path: one that is too long for the system is no error of ours."""
    path = "/" + "x" * 300
    assert host.missing(frozenset({path})) == {path}


@pytest.mark.parametrize("content", [b"", b"one\n", bytes(range(256)) * 9000])
def test_a_digest_is_gits_blob_id(tmp_path, content):
    """The digest of a file is what git itself says."""
    file = tmp_path / "file"
    file.write_bytes(content)
    said = subprocess.run(["git", "hash-object", "--no-filters", str(file)], check=True, capture_output=True, text=True)
    assert host.digest(str(file), NOBODY) == said.stdout.strip()


def test_no_link_is_followed_to_a_file(tmp_path):
    """A link in place of a file counts as absent, and so do a folder and a pipe."""
    (tmp_path / "target").write_text("secret")
    (tmp_path / "link").symlink_to("target")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", ".", "absent"):
        assert host.digest(f"{tmp_path}/{name}", NOBODY) is None


def test_a_huge_file_is_not_read(tmp_path):
    """A container can make a file of any size out of nothing; reading it would take hours."""
    (tmp_path / "file").touch()
    os.truncate(tmp_path / "file", 1 << 40)
    assert host.digest(f"{tmp_path}/file", NOBODY) is None


def test_no_link_is_followed_below_a_stacks_folder_but_above_it(tmp_path):
    """A container may swap a folder of its stack for a link; the administrator may link the folder of all stacks."""
    real = tmp_path / "disk" / "web"
    (real / "conf").mkdir(parents=True)
    (real / "conf" / "app.ini").write_text("a")
    (real / "swapped").symlink_to("conf")
    (tmp_path / "stacks").symlink_to("disk")
    folder = f"{tmp_path}/stacks/web"
    assert host.digest(f"{folder}/conf/app.ini", frozenset({folder})) is not None
    assert host.digest(f"{folder}/swapped/app.ini", frozenset({folder})) is None


def test_a_machine_without_identity_has_an_empty_one(tmp_path, monkeypatch):
    """The D-Bus file serves where /etc/machine-id is empty; neither: the empty identity."""
    empty, dbus = tmp_path / "machine-id", tmp_path / "dbus"
    empty.write_text("")
    monkeypatch.setattr(host, "_MACHINE_IDS", (empty, dbus))
    assert host.machine_id() == ""
    dbus.write_text("0123abcd\n")
    assert host.machine_id() == "0123abcd"


def test_a_kernel_without_ipv6_is_no_error(tmp_path, monkeypatch):
    """Tables that are not there are empty."""
    monkeypatch.setattr(host, "_NET", Path(tmp_path))
    assert host.listeners(frozenset()) == ()
    assert host.routes() == ()


ONE, TWO = "a1" * 32, "b2" * 32
MOUNTS = (
    "31 24 0:26 / /sys rw - sysfs sysfs rw\n"
    f"90 31 8:1 /var/lib/docker/containers/{ONE}/resolv.conf /etc/resolv.conf rw - ext4 /dev/sda1 rw\n"
    f"91 31 8:1 /var/lib/docker/containers/{ONE}/hostname /etc/hostname rw - ext4 /dev/sda1 rw\n"
)


@pytest.mark.parametrize(
    ("cgroup", "mounts", "found"),
    [
        (f"12:pids:/docker/{ONE}\n0::/system.slice\n", "", (ONE,)),
        (f"0::/system.slice/docker-{ONE}.scope\n", "", (ONE,)),
        (f"0::/docker/{ONE}/docker/{TWO}\n", "", (TWO, ONE)),
        ("0::/\n", MOUNTS, (ONE,)),
        (f"0::/docker/{TWO}\n", MOUNTS, (TWO, ONE)),
        (f"0::/x/{ONE}0\n", "", ()),
        ("0::/init.scope\n", f"44 24 0:40 / /var/lib/docker/containers/{ONE}/mounts/shm rw - tmpfs shm rw\n", ()),
        ("0::/\n", f"44 24 8:1 /srv/containers/{ONE}/hostname /mnt rw - ext4 /dev/sda1 rw\n", ()),
        ("0::/\n", "", ()),
    ],
)
def test_the_container_that_we_run_in(cgroup, mounts, found):
    """Both kinds of cgroups tell, or else the files that an engine mounts; what a host mounts for containers is none."""
    assert host.container_ids(cgroup, mounts) == found


def test_only_a_container_of_this_engine_counts(monkeypatch):
    """Whoever runs in a container of another engine is on the host as far as this one goes."""
    monkeypatch.setattr(host, "_own_ids", lambda: (TWO, ONE))

    assert host.own_container({ONE}) == ONE
    assert host.own_container(set()) is None
