"""Every key of daemon.json that an engine knows: what it holds, how a change comes into force, and who may set it.

Room 3 (plan); may import only model, errors and its own room. One table, read off the sources of 20.10.27, 26.1.4, 27.5.1,
28.5.2 and 29.7.2 (daemon/config, the commands' flags, and the reload code): a key counts from `since` until `until`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from reconciler.model import Json

Tier: TypeAlias = Literal["A", "B", "C", "D"]
"""A: git may set it. B: it may, and dockerd is restarted. C: only where the device opens it by name. D: never from git."""

_EVER = 1_000
_OLDEST = 20


@dataclass(frozen=True, slots=True)
class Key:
    """One key.

    `shape` names what it holds (`SHAPES`). `live` keys are taken over on a reload; `clears` is whether deleting one and
    reloading takes its value back, too: else the old one stays until a restart. `since` and `until` (exclusive) are major
    versions of the engine. One without `counts` is accepted in the file and has no effect there.
    """

    name: str
    shape: str
    tier: Tier
    live: bool = False
    clears: bool = False
    since: int = _OLDEST
    until: int = _EVER
    counts: bool = True

    def versions(self) -> str:
        """Say which engines know it, "" when all do."""
        parts = [f"from {self.since} on"] if self.since > _OLDEST else []
        return " and ".join([*parts, *([f"before {self.until}"] if self.until < _EVER else [])])


_TABLE: tuple[Key, ...] = (
    Key("allow-direct-routing", "bool", "C", since=28),
    Key("allow-nondistributable-artifacts", "words", "C", live=True, until=28),
    Key("api-cors-header", "text", "C", until=29),
    Key("authorization-plugins", "words", "C", live=True, clears=True),
    Key("bip", "text", "D"),
    Key("bip6", "text", "D", since=28),
    Key("bridge", "text", "D"),
    Key("bridge-accept-fwmark", "text", "C", since=29),
    Key("builder", "object", "B"),
    Key("cdi-spec-dirs", "words", "C", since=25),
    Key("cgroup-parent", "text", "D"),
    Key("containerd", "text", "D"),
    Key("containerd-namespace", "text", "D"),
    Key("containerd-plugins-namespace", "text", "D", counts=False),
    Key("cpu-rt-period", "number", "C"),
    Key("cpu-rt-runtime", "number", "C"),
    Key("cri-containerd", "bool", "C"),
    Key("data-root", "path", "D"),
    Key("debug", "bool", "A", live=True),
    Key("default-address-pools", "pools", "B"),
    Key("default-cgroupns-mode", "cgroupns", "C", live=True),
    Key("default-gateway", "text", "C"),
    Key("default-gateway-v6", "text", "C"),
    Key("default-ipc-mode", "ipc", "A", live=True),
    Key("default-network-opts", "options of drivers", "C", since=24),
    Key("default-runtime", "text", "C", live=True),
    Key("default-shm-size", "size", "A", live=True),
    Key("default-stop-timeout", "number", "A", live=True, since=29),
    Key("default-ulimits", "object", "B"),
    Key("dns", "words", "B"),
    Key("dns-opts", "words", "B"),
    Key("dns-search", "words", "B"),
    Key("exec-opts", "words", "C"),
    Key("exec-root", "path", "D"),
    Key("experimental", "bool", "C"),
    Key("features", "switches", "B", live=True, clears=True),
    Key("firewall-backend", "text", "C", since=29),
    Key("fixed-cidr", "text", "C"),
    Key("fixed-cidr-v6", "text", "C"),
    Key("group", "text", "C"),
    Key("host-gateway-ip", "text", "B"),
    Key("host-gateway-ips", "words", "B", since=28),
    Key("hosts", "words", "D"),
    Key("icc", "bool", "C"),
    Key("init", "bool", "B"),
    Key("init-path", "path", "C"),
    Key("insecure-registries", "words", "C", live=True),
    Key("ip", "text", "C"),
    Key("ip-forward", "bool", "C"),
    Key("ip-forward-no-drop", "bool", "C", since=28),
    Key("ip-masq", "bool", "C"),
    Key("ip6tables", "bool", "C"),
    Key("iptables", "bool", "C"),
    Key("ipv6", "bool", "C"),
    Key("labels", "labels", "A", live=True),
    Key("live-restore", "bool", "B", live=True),
    Key("log-driver", "text", "B"),
    Key("log-format", "text", "B", since=25),
    Key("log-level", "text", "B"),
    Key("log-opts", "options", "B"),
    Key("max-concurrent-downloads", "number", "A", live=True, clears=True),
    Key("max-concurrent-uploads", "number", "A", live=True, clears=True),
    Key("max-download-attempts", "number", "A", live=True, clears=True),
    Key("metrics-addr", "text", "C"),
    Key("min-api-version", "text", "C", since=29),
    Key("mtu", "number", "C"),
    Key("network-control-plane-mtu", "number", "C"),
    Key("network-diagnostic-port", "number", "C", live=True, clears=True),
    Key("no-new-privileges", "bool", "B"),
    Key("node-generic-resources", "words", "C"),
    Key("nri-opts", "object", "C", live=True, clears=True, since=29),
    Key("oom-score-adjust", "number", "C", until=26),
    Key("pidfile", "path", "D"),
    Key("proxies", "proxies", "C", since=23),
    Key("raw-logs", "bool", "B"),
    Key("registry-mirrors", "mirrors", "A", live=True),
    Key("rootless", "bool", "C", counts=False),
    Key("runtimes", "object", "C", live=True),
    Key("seccomp-profile", "text", "C"),
    Key("selinux-enabled", "bool", "C"),
    Key("shutdown-timeout", "number", "A", live=True),
    Key("storage-driver", "text", "C"),
    Key("storage-opts", "words", "C"),
    Key("swarm-default-advertise-addr", "text", "C"),
    Key("tls", "bool", "D"),
    Key("tlscacert", "path", "D"),
    Key("tlscert", "path", "D"),
    Key("tlskey", "path", "D"),
    Key("tlsverify", "bool", "D"),
    Key("userland-proxy", "bool", "B"),
    Key("userland-proxy-path", "path", "C"),
    Key("userns-remap", "text", "C"),
)
KEYS: Mapping[str, Key] = {key.name: key for key in _TABLE}

_WEAKENS: Mapping[str, Json] = {"no-new-privileges": False, "default-ipc-mode": "shareable"}
"""Values with which a key that git may set becomes one that the device has to open."""


def tier(name: str, value: Json) -> Tier:
    """Return who may set a known key to a value."""
    return "C" if name in _WEAKENS and _WEAKENS[name] == value else KEYS[name].tier


def major(engine: str) -> int:
    """Return the major version of an engine; one that cannot be read counts as the newest."""
    number = engine.partition(".")[0]
    return int(number) if number.isdigit() else _EVER - 1


def is_known(name: str, engine: str) -> bool:
    """Tell whether an engine of this version starts with the key in its file; without a version: whether any does."""
    key = KEYS.get(name)
    return key is not None and (not engine or key.since <= major(engine) < key.until)


def is_live(name: str, engine: str, *, unset: bool = False) -> bool:
    """Tell whether a reload is enough for a key on this engine version."""
    return is_known(name, engine) and KEYS[name].live and (KEYS[name].clears or not unset)


def nearest(name: str, engine: str) -> str | None:
    """Return the known key that somebody may have meant."""
    found = difflib.get_close_matches(name, [key for key in KEYS if is_known(key, engine)], n=1, cutoff=0.6)
    return found[0] if found else None


# ── shapes ───────────────────────────────────────────────────────────────────────────────────────


def fits(shape: str, value: Json) -> bool:
    """Tell whether a value has the named shape."""
    return SHAPES[shape][0](value)


def wanted(shape: str) -> str:
    """Say in words what a shape is."""
    return SHAPES[shape][1]


def _is_text(value: Json) -> bool:
    return isinstance(value, str)


def _is_words(value: Json) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(map(_is_text, value))


def _is_number(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_options(value: Json) -> bool:
    return isinstance(value, Mapping) and all(map(_is_text, value.values()))


def _are_labels(value: Json) -> bool:
    return isinstance(value, Sequence) and _is_words(value) and all(str(one).partition("=")[0] for one in value)


def _are_pools(value: Json) -> bool:
    return isinstance(value, Sequence) and all(
        isinstance(one, Mapping)
        and one.keys() == {"base", "size"}
        and _is_number(one["size"])
        and _is_text(one["base"])
        for one in value
    )


def _are_mirrors(value: Json) -> bool:
    # anything else makes the engine refuse to start, which its own check of the file finds only from 28 on
    return isinstance(value, Sequence) and _is_words(value) and all(map(_is_mirror, value))


def _is_mirror(value: Json) -> bool:
    scheme, found, rest = str(value).partition("://")
    return scheme in ("http", "https") and bool(found) and bool(rest.strip("/")) and not {"@", "?", "#"} & set(rest)


_PROXIES = {"http-proxy", "https-proxy", "no-proxy"}
SHAPES: Mapping[str, tuple[Callable[[Json], bool], str]] = {
    "bool": (lambda value: isinstance(value, bool), "true or false"),
    "cgroupns": (lambda value: value in ("private", "host"), "`private` or `host`"),
    "ipc": (lambda value: value in ("private", "shareable"), "`private` or `shareable`"),
    "labels": (_are_labels, 'a list of labels, such as ["site=attic"]'),
    "mirrors": (_are_mirrors, "a list of http:// or https:// addresses, without user, query and fragment"),
    "number": (_is_number, "a whole number, not below 0"),
    "object": (lambda value: isinstance(value, Mapping), "an object"),
    "options": (_is_options, 'an object of texts, such as {"max-size": "10m"}: numbers too stand in quotes'),
    "options of drivers": (
        lambda value: isinstance(value, Mapping) and all(map(_is_options, value.values())),
        "an object of objects of texts, one for each network driver",
    ),
    "path": (lambda value: isinstance(value, str) and value.startswith("/"), "an absolute path"),
    "pools": (_are_pools, 'a list of pools, such as [{"base": "10.200.0.0/16", "size": 24}]'),
    "proxies": (
        lambda value: isinstance(value, Mapping) and _is_options(value) and not value.keys() - _PROXIES,
        "an object of http-proxy, https-proxy and no-proxy",
    ),
    "size": (lambda value: _is_text(value) or _is_number(value), 'a size, such as "64M", or a number of bytes'),
    "switches": (
        lambda value: isinstance(value, Mapping) and all(isinstance(one, bool) for one in value.values()),
        "an object of true and false",
    ),
    "text": (_is_text, "text"),
    "words": (_is_words, "a list of texts"),
}
"""By name: what a value has to be, and that in words."""
