"""Normal forms of privileges: capabilities, security options, name spaces.

Room 3 (plan); may import only model and errors.
"""

from __future__ import annotations

from reconciler.model import Document, Json
from reconciler.plan.subject import EMPTY, UNKNOWN, Normal, Subject, single, text, texts

_PATHS = "systempaths=unconfined"


def capabilities(value: Json) -> Json:
    """Return capabilities in upper case without `CAP_`, sorted; None when there are none."""
    found = {word.upper().removeprefix("CAP_") for word in texts(value)}
    return sorted(found) or None


def words(value: Json) -> Json:
    """Return a set of words, sorted; None when there are none."""
    return sorted(set(texts(value))) or None


def _option(stated: str) -> str:
    name, sign, value = stated.partition("=" if "=" in stated else ":")
    if name == "no-new-privileges":
        return f"{name}={value or 'true'}"
    if name == "seccomp" and value not in {"unconfined", "builtin"}:
        return "seccomp=(profile)"
    return f"{name}={value}" if sign else name


def _options(stated: list[str], privileged: bool) -> Json:
    """Return options in one spelling. The engine adds `label=disable` where there is nothing left to confine."""
    found = {_option(entry) for entry in stated} - {_PATHS}
    return sorted(found - {"label=disable"} if privileged else found) or None


def _unlabelled(privileged: Json, pid: Json, ipc: Json) -> bool:
    return privileged in {True, "true"} or pid == "host" or ipc == "host"


def desired_options(subject: Subject) -> Normal:
    document = subject.document
    return single(_options(texts(document.get("security_opt")), _is_unlabelled(document)))


def _is_unlabelled(document: Document) -> bool:
    return _unlabelled(document.get("privileged"), document.get("pid"), document.get("ipc"))


def observed_options(subject: Subject) -> Normal:
    host = subject.host
    free = _unlabelled(host.get("Privileged"), host.get("PidMode"), host.get("IpcMode"))
    return single(_options(texts(host.get("SecurityOpt")), free or _is_unlabelled(subject.document)))


def desired_paths(subject: Subject) -> Normal:
    """Return whether the engine's masks over /proc and /sys are asked to be off."""
    stated = {_option(entry) for entry in texts(subject.document.get("security_opt"))}
    return single("unconfined" if _PATHS in stated else None)


def observed_paths(subject: Subject) -> Normal:
    """Return whether a mask is off; a privileged container has none anyway."""
    if subject.host.get("Privileged"):
        return desired_paths(subject)
    masks = (subject.host.get("MaskedPaths"), subject.host.get("ReadonlyPaths"))
    return single("unconfined") if [] in masks else EMPTY


def desired_sysctls(subject: Subject) -> Normal:
    """Return sysctls by `.name`; those of eth0 some engines keep with the network instead."""
    stated = string_map(subject.document.get("sysctls"))
    if subject.container is None or not any(".eth0." in name for name in stated):
        return stated
    shown = string_map(subject.host.get("Sysctls"))
    return {name: UNKNOWN if ".eth0." in name and name not in shown else value for name, value in stated.items()}


def string_map(value: Json, separator: str = "=") -> Normal:
    """Return a mapping, or compose's list of `a=1`, by `.name`."""
    if isinstance(value, dict):
        return {f".{key}": text(item) or "" for key, item in value.items()}
    parts = (entry.partition(separator) for entry in texts(value))
    return {f".{key}": item for key, _, item in parts}
