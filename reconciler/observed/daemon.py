"""The engine's config file, and what the running engine says of the same keys.

Room 2 (observed); may import engine, errors and model.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from reconciler.engine import EngineClient
from reconciler.model import Document, Json, ObservedDaemon, Problem


def observed_daemon(path: Path, engine: EngineClient, info: Document) -> ObservedDaemon:
    """Read the config file at `path`, and what the API shows of its keys; `info` is `GET /info`."""
    bridge = engine.inspect_network("bridge") or {}
    effective = effective_keys(info, bridge)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ObservedDaemon(str(path), exists=False, values={}, effective=effective)
    except OSError as error:
        problem = _problem("daemon-file-unreadable", path, words=error.strerror or str(error))
        return ObservedDaemon(str(path), exists=True, values=None, effective=effective, problem=problem)
    values = parse(content, path)
    if isinstance(values, Problem):
        return ObservedDaemon(str(path), exists=True, values=None, effective=effective, problem=values)
    return ObservedDaemon(str(path), exists=True, values=values, effective=effective)


def parse(content: bytes, path: Path) -> Document | Problem:
    """Read the file's content as the engine does: it may be empty, `null`, and begin with a byte order mark."""
    try:
        text = content.decode("utf-8-sig")
        values = json.loads(text) if text.strip() else None
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return _problem("daemon-file-not-json", path, words="it is not UTF-8 text", line=line)
    except json.JSONDecodeError as error:
        return _problem("daemon-file-not-json", path, words=error.msg, line=error.lineno)
    except (ValueError, RecursionError) as error:  # a number, or a depth, that Python does not read
        return _problem("daemon-file-not-json", path, words=str(error))
    if values is None:
        return {}
    return values if isinstance(values, dict) else _problem("daemon-file-not-object", path)


def _problem(code: str, path: Path, line: int | None = None, **args: str) -> Problem:
    return Problem("daemon", "DaemonRejected", code, {"path": str(path), **args}, str(path), line)


# ── what the API shows ───────────────────────────────────────────────────────────────────────────

_Shown: TypeAlias = Callable[[Mapping[str, Any], Mapping[str, Any]], Json]
"""Reads a key from `GET /info` and `GET /networks/bridge`; KeyError: this engine does not show it."""


def effective_keys(info: Mapping[str, Any], bridge: Mapping[str, Any]) -> Document:
    """Say what holds in the running engine, in the words of daemon.json; keys that cannot be seen are absent."""
    effective = {}
    for key, shown in READBACK.items():
        try:
            effective[key] = shown(info, bridge)
        except (KeyError, IndexError, TypeError):
            continue
    return effective


def _insecure(info: Mapping[str, Any], _: Mapping[str, Any]) -> Json:
    registries = info["RegistryConfig"]
    hosts = [name for name, about in registries["IndexConfigs"].items() if not about["Secure"]]
    return sorted(
        hosts + [block for block in registries["InsecureRegistryCIDRs"] or () if block not in _ALWAYS_INSECURE]
    )


def _pools(info: Mapping[str, Any], _: Mapping[str, Any]) -> Json:
    return [{"base": pool["Base"], "size": pool["Size"]} for pool in info["DefaultAddressPools"] or ()]


def _proxies(info: Mapping[str, Any], _: Mapping[str, Any]) -> Json:
    shown = {"http-proxy": info["HttpProxy"], "https-proxy": info["HttpsProxy"], "no-proxy": info["NoProxy"]}
    return {key: value for key, value in shown.items() if value}


def _bridge(_: Mapping[str, Any], bridge: Mapping[str, Any]) -> Json:
    options: Mapping[str, str] = bridge["Options"]
    return options["com.docker.network.bridge.name"]


def _bridge_option(name: str, read: Callable[[str], Json]) -> _Shown:
    return lambda _, bridge: read(bridge["Options"][f"com.docker.network.{name}"])


def _has_security(word: str) -> _Shown:
    return lambda info, _: any(option.split(",")[0] == f"name={word}" for option in info["SecurityOptions"])


def _is_true(text: str) -> Json:
    return text == "true"


_ALWAYS_INSECURE = ("127.0.0.0/8", "::1/128")

READBACK: Mapping[str, _Shown] = {
    "bridge": _bridge,
    "data-root": lambda info, _: info["DockerRootDir"],
    "debug": lambda info, _: info["Debug"],
    "default-address-pools": _pools,
    "default-runtime": lambda info, _: info["DefaultRuntime"],
    "experimental": lambda info, _: info["ExperimentalBuild"],
    "icc": _bridge_option("bridge.enable_icc", _is_true),
    "insecure-registries": _insecure,
    "ip": _bridge_option("bridge.host_binding_ipv4", str),
    "ip-masq": _bridge_option("bridge.enable_ip_masquerade", _is_true),
    "ipv6": lambda _, bridge: bridge["EnableIPv6"],
    "labels": lambda info, _: sorted(info["Labels"] or ()),
    "live-restore": lambda info, _: info["LiveRestoreEnabled"],
    "log-driver": lambda info, _: info["LoggingDriver"],
    "mtu": _bridge_option("driver.mtu", int),
    "no-new-privileges": _has_security("no-new-privileges"),
    "proxies": _proxies,
    "registry-mirrors": lambda info, _: list(info["RegistryConfig"]["Mirrors"] or ()),
    "runtimes": lambda info, _: {
        name: {"path": about["path"]} for name, about in info["Runtimes"].items() if "path" in about
    },
    "selinux-enabled": _has_security("selinux"),
    "storage-driver": lambda info, _: info["Driver"],
}
"""Every key that the API shows, and how. Values are as in an equal daemon.json; lists whose order means nothing are sorted."""
