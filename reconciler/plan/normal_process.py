"""Normal forms of what runs in a container: command, environment, labels, health check, restart policy.

Room 3 (plan); may import only model and errors. Rules and evidence: what the image says is the default of what
compose leaves out; the engine merges it into the container when that is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.model import NOTHING, Document, Json
from reconciler.plan.normal_scalars import nanoseconds, number, path
from reconciler.plan.subject import (
    EMPTY,
    OTHERS,
    UNKNOWN,
    Normal,
    Subject,
    Value,
    items,
    mapping,
    single,
    text,
    texts,
    under,
)

COMPOSE_LABELS = "com.docker.compose."
_POLICIES = {"any": "always", "none": "no", "": "no"}
_PROXIES = frozenset({"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"})
_DURATIONS = (
    ("interval", "Interval"),
    ("timeout", "Timeout"),
    ("start_period", "StartPeriod"),
    ("start_interval", "StartInterval"),
)


# ── command and entrypoint ───────────────────────────────────────────────────────────────────────


def inherited_text(key: str, member: str, subject: Subject, cleaned: bool = False) -> Normal:
    """Return a string of the service, else the image's."""
    value = text(subject.document.get(key))
    if value is None and subject.image is None:
        return single(UNKNOWN)
    found = value or text((subject.image or NOTHING).get(member))
    return single(path(found) if cleaned else found)


def _entrypoint(document: Document) -> list[str]:
    return texts(document.get("entrypoint"))


def desired_entrypoint(subject: Subject) -> Normal:
    """Return the entrypoint; an empty one is none, and only a missing one is the image's."""
    if subject.document.get("entrypoint") is not None:
        words = _entrypoint(subject.document)
        return single([] if words == [""] else words)
    if subject.container is None:
        return EMPTY
    return single(UNKNOWN if subject.image is None else texts(subject.image.get("Entrypoint")))


def desired_command(subject: Subject) -> Normal:
    """Return the command; any entrypoint of the service's own, even `[""]`, drops the image's."""
    words = texts(subject.document.get("command"))
    if words or _entrypoint(subject.document):
        return single(words or None)
    return single(UNKNOWN if subject.image is None else texts(subject.image.get("Cmd")) or None)


def observed_entrypoint(subject: Subject) -> Normal:
    return single(texts(subject.config.get("Entrypoint")))


def observed_command(subject: Subject) -> Normal:
    return single(texts(subject.config.get("Cmd")) or None)


# ── environment and labels ───────────────────────────────────────────────────────────────────────


def split_environment(entries: Json) -> dict[str, Value]:
    """Return `["A=1", "B"]` by `.A`, `.B`; a bare name takes the variable away, as if it were not there."""
    found: dict[str, Value] = {}
    for entry in items(entries):
        if isinstance(entry, str):
            name, equals, value = entry.partition("=")
            found[f".{name}"] = value if equals else None
    return found


def environment(document: Document) -> dict[str, Value]:
    """Return the service's own variables, by name or as compose's list of `A=1`."""
    stated = document.get("environment")
    if not isinstance(stated, (dict, Mapping)):
        return split_environment(stated)
    if any("=" in key for key in stated):  # a slip in flow style: the engine reads `A=1` as it stands
        return split_environment(
            [key if value is None else f"{key}={text(value) or ''}" for key, value in stated.items()]
        )
    return {f".{key}": None if value is None else text(value) or "" for key, value in stated.items()}


def desired_environment(subject: Subject) -> Normal:
    """Return the image's variables overlaid by the service's, and the proxies that the client's own settings put in."""
    own = environment(subject.document)
    if subject.image is None:
        return {OTHERS: UNKNOWN, **own}
    if subject.container is None:
        return {name: "(unset)" if value is None else value for name, value in own.items()}
    return {**split_environment(subject.image.get("Env")), **_proxies(subject), **own}


def _proxies(subject: Subject) -> dict[str, Value]:
    recorded = mapping((subject.frozen or NOTHING).get("Env"))
    shown = proxy_variables(subject.config.get("Env"))
    return {f".{name}": recorded.get(name, UNKNOWN if subject.frozen is None else None) for name in shown}


def proxy_variables(entries: Json) -> dict[str, Json]:
    """Return the proxy variables among `["A=1"]` by name: a client's settings put them into what it makes."""
    found: dict[str, Json] = {}
    for entry in items(entries):
        if isinstance(entry, str) and "_" in entry:
            name, _, value = entry.partition("=")
            if name.lower() in _PROXIES:
                found[name] = value
    return found


def observed_environment(subject: Subject) -> Normal:
    return split_environment(subject.config.get("Env"))


def label_map(stated: Json) -> dict[str, Value]:
    """Return labels by `.name`, without compose's own."""
    pairs: Iterable[tuple[str, Json]]
    if not stated:
        return {}
    if isinstance(stated, (dict, Mapping)):
        pairs = stated.items()
    else:
        pairs = ((entry.partition("=")[0], entry.partition("=")[2]) for entry in texts(stated))
    return {f".{key}": text(value) or "" for key, value in pairs if not key.startswith(COMPOSE_LABELS)}


def desired_labels(subject: Subject) -> Normal:
    own = label_map(subject.document.get("labels"))
    if subject.image is None:
        return {OTHERS: UNKNOWN, **own}
    return label_map(subject.image.get("Labels")) | own


def observed_labels(subject: Subject) -> Normal:
    return label_map(subject.config.get("Labels"))


# ── health, hostname, restart ────────────────────────────────────────────────────────────────────


def desired_healthcheck(subject: Subject) -> Normal:
    """Return the health check field by field: what is zero or missing is the image's."""
    stated = mapping(subject.document.get("healthcheck"))
    if subject.image is None:
        return {OTHERS: UNKNOWN, **_health(stated)}
    inherited = engine_health(mapping(subject.image.get("Healthcheck")))
    if not stated:
        return inherited
    found = {**inherited, **_health(stated)}
    return {".test": ["NONE"]} if found.get(".test") == ["NONE"] else found


def _health(stated: Document) -> dict[str, Value]:
    if stated.get("disable") in {True, "true"}:
        return {".test": ["NONE"]}
    test = stated.get("test")
    words = (["NONE"] if test == "NONE" else ["CMD-SHELL", test]) if isinstance(test, str) and test else texts(test)
    found: dict[str, Value] = {".test": words or None, ".retries": number(stated.get("retries"))}
    found |= {f".{key}": nanoseconds(stated.get(key)) or None for key, _ in _DURATIONS}
    return {suffix: value for suffix, value in found.items() if value is not None}


def engine_health(shown: Document) -> dict[str, Value]:
    """Return the engine's health check in compose's words; durations in nanoseconds."""
    words = texts(shown.get("Test"))
    if words == ["NONE"]:
        return {".test": ["NONE"]}
    found: dict[str, Value] = {".test": words or None, ".retries": number(shown.get("Retries"))}
    found |= {f".{key}": number(shown.get(member)) for key, member in _DURATIONS}
    return {suffix: value for suffix, value in found.items() if value is not None}


def observed_healthcheck(subject: Subject) -> Normal:
    return engine_health(mapping(subject.config.get("Healthcheck")))


def shares_network(subject: Subject) -> bool:
    """Return whether the network, and with it the host name, is, or should be, another container's or the host's."""
    return _is_shared(subject.document.get("network_mode")) or _is_shared(subject.host.get("NetworkMode"))


def _is_shared(mode: Json) -> bool:
    return isinstance(mode, str) and (mode == "host" or mode.startswith(("service:", "container:")))


def desired_name_of_host(subject: Subject, key: str) -> Normal:
    """Return the host or domain name; one that is not stated is the engine's to choose in a shared network."""
    value = text(subject.document.get(key))
    return single(UNKNOWN if value is None and shares_network(subject) and subject.container else value)


def observed_hostname(subject: Subject) -> Normal:
    """Return the host name, unless it is the one the engine makes of the container's id."""
    value = text(subject.config.get("Hostname"))
    own = subject.container.id[:12] if subject.container else None
    return EMPTY if value == own and not subject.document.get("hostname") else single(value)


def restart_policy(document: Document) -> str:
    """Return `no`, `always`, `on-failure:3`… The one under deploy wins, also with an unstated condition."""
    under_deploy = under(document, "deploy", "restart_policy")
    if isinstance(under_deploy, (dict, Mapping)):
        # compose fills in nothing when the condition is missing: the engine then never restarts
        return _policy(text(under_deploy.get("condition")) or "", under_deploy.get("max_attempts"))
    name, _, count = (text(document.get("restart")) or "").partition(":")
    return _policy(name, count)


def _policy(name: str, count: Json) -> str:
    name = _POLICIES.get(name, name)
    attempts = number(count)
    return f"{name}:{attempts}" if name == "on-failure" and attempts else name


def desired_restart(subject: Subject) -> Normal:
    return single(restart_policy(subject.document))


def observed_restart(subject: Subject) -> Normal:
    policy = mapping(subject.host.get("RestartPolicy"))
    return single(_policy(text(policy.get("Name")) or "", policy.get("MaximumRetryCount")))
