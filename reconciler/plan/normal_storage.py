"""Normal forms of what is mounted into a container. Each mount is one value by its target, in a few words.

Room 3 (plan); may import only model and errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from reconciler.model import NOTHING, Document, Json
from reconciler.plan.normal_images import canonical
from reconciler.plan.normal_scalars import number, path, size
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

_ANONYMOUS = re.compile(r"[0-9a-f]{64}")
_ANONYMOUS_VOLUME = "volume (anonymous)"


# ── mounts ───────────────────────────────────────────────────────────────────────────────────────


def desired_mounts(subject: Subject) -> Normal:
    """Return every mount by `[target]`: image volumes, configs, secrets and volumes, the later winning."""
    found: dict[str, Value] = {}
    if subject.image is None:
        found[OTHERS] = UNKNOWN
    elif subject.image.get("Volumes") and subject.container:
        # a donor's volume comes before one of the image's own
        shown = UNKNOWN if subject.document.get("volumes_from") else _ANONYMOUS_VOLUME
        covered = {path(target.partition(":")[0]) for target in texts(subject.document.get("tmpfs"))}
        targets = (path(target) for target in mapping(subject.image.get("Volumes")))
        found |= {f"[{target}]": shown for target in targets if target not in covered}
    if subject.document.get("configs"):
        found |= _file_mounts(subject, "configs", subject.world.configs, "/")
    if subject.document.get("secrets"):
        found |= _file_mounts(subject, "secrets", subject.world.secrets, "/run/secrets/")
    for item in items(subject.document.get("volumes")):
        entry = mapping(item)
        found[f"[{path(entry.get('target'))}]"] = _wanted_mount(entry, subject)
    return found


def _file_mounts(subject: Subject, key: str, known: Mapping[str, Document], folder: str) -> dict[str, Value]:
    """Return the configs or secrets that are files: read-only binds. Contents without a file are copied in, unseen."""
    found: dict[str, Value] = {}
    for item in items(subject.document.get(key)):
        entry = {"source": item} if isinstance(item, str) else mapping(item)
        name = text(entry.get("source")) or ""
        target = text(entry.get("target")) or name
        place = f"[{path(target if target.startswith('/') else folder + target)}]"
        if name not in known:
            found[place] = UNKNOWN
        elif file := text(known[name].get("file")):
            found[place] = f"bind {path(file)} ro"
    return found


def _wanted_mount(entry: Document, subject: Subject) -> str:
    kind, source = text(entry.get("type")) or "volume", text(entry.get("source"))
    words = [kind, _wanted_source(kind, source, subject)]
    if entry.get("read_only") in {True, "true"}:
        words.append("ro")
    return " ".join(filter(None, [*words, *_wanted_options(kind, entry)]))


def _wanted_source(kind: str, source: str | None, subject: Subject) -> str | None:
    if kind == "volume":
        return subject.world.volumes.get(source, source) if source else "(anonymous)"
    if kind == "image":
        return canonical(source or "")
    return None if kind == "tmpfs" else path(source)


def _wanted_options(kind: str, entry: Document) -> list[str]:
    options = mapping(entry.get(kind))
    if kind == "bind":
        selinux = text(options.get("selinux")) if options.get("create_host_path") else None
        return [
            *_propagation(text(options.get("propagation"))),
            *_named(selinux=selinux, recursive=_recursive(options)),
        ]
    if kind == "tmpfs":
        return _named(size=size(options.get("size")), mode=number(options.get("mode")))
    nocopy = True if options.get("nocopy") in {True, "true"} else None
    return _named(nocopy=nocopy, subpath=path(options.get("subpath")))


def _propagation(value: str | None) -> list[str]:
    # rslave is what the engine itself chooses for a folder around or below its data root
    return [] if value in {None, "rprivate", "rslave"} else [f"propagation={value}"]


def _recursive(options: Document) -> str | None:
    value = text(options.get("recursive"))
    return None if value == "enabled" else value


def _named(**options: Json) -> list[str]:
    return [f"{name}={value}" for name, value in options.items() if value]


def observed_mounts(subject: Subject) -> Normal:
    """Return every mount by `[target]`; those that come with `volumes_from` are left out."""
    asked = {path(mount.get("Target")): mount for mount in map(mapping, items(subject.host.get("Mounts")))}
    own = None if not subject.host.get("VolumesFrom") else {*asked, *_bound(subject.host), *_stated_targets(subject)}
    vague = _vague(subject.document)
    found: dict[str, Value] = {}
    for mount in map(mapping, items(subject.inspect.get("Mounts"))):
        target = path(mount.get("Destination"))
        if own is None or target in own:
            found[f"[{target}]"] = _shown_mount(mount, asked.get(target, NOTHING), told=target not in vague)
    return found


def _vague(document: Document) -> set[str | None]:
    """Return targets whose selinux label one compose sends and another does not: it hangs on `create_host_path`."""
    return {
        path(mapping(item).get("target"))
        for item in items(document.get("volumes"))
        if (bind := mapping(mapping(item).get("bind"))).get("selinux") and not bind.get("create_host_path")
    }


def _bound(host: Document) -> set[str | None]:
    return {path(bind.split(":")[1]) for bind in texts(host.get("Binds")) if ":" in bind}


def _stated_targets(subject: Subject) -> set[str | None]:
    return {path(mapping(item).get("target")) for item in items(subject.document.get("volumes"))}


def _shown_mount(mount: Document, asked: Document, told: bool) -> str:
    kind = text(mount.get("Type")) or "volume"
    words = [kind, _shown_source(kind, mount, asked)]
    if mount.get("RW") is False:
        words.append("ro")
    return " ".join(filter(None, [*words, *_shown_options(kind, mount, asked, told)]))


def _shown_source(kind: str, mount: Document, asked: Document) -> str | None:
    if kind == "volume":
        name = text(mount.get("Name")) or ""
        return "(anonymous)" if _ANONYMOUS.fullmatch(name) else name
    if kind == "image":
        return canonical(text(asked.get("Source")) or text(mount.get("Source")) or "")
    return None if kind == "tmpfs" else path(mount.get("Source"))


def _shown_options(kind: str, mount: Document, asked: Document, told: bool) -> list[str]:
    mode = (text(mount.get("Mode")) or "").split(",")
    if kind == "bind":
        labels = [f"selinux={word}" for word in mode if word in {"z", "Z"}] if told else []
        recursive = _asked_recursive(mapping(asked.get("BindOptions")))
        return [*_propagation(text(mount.get("Propagation"))), *labels[:1], *_named(recursive=recursive)]
    if kind == "tmpfs":
        options = mapping(asked.get("TmpfsOptions"))
        return _named(size=size(options.get("SizeBytes")), mode=number(options.get("Mode")))
    options = mapping(asked.get("ImageOptions" if kind == "image" else "VolumeOptions"))
    nocopy = True if "nocopy" in mode or options.get("NoCopy") else None
    return _named(nocopy=nocopy, subpath=path(options.get("Subpath")))


def _asked_recursive(options: Document) -> str | None:
    if options.get("NonRecursive"):
        return "disabled"
    if options.get("ReadOnlyNonRecursive"):
        return "writable"
    return "readonly" if options.get("ReadOnlyForceRecursive") else None


# ── tmpfs and volumes_from ───────────────────────────────────────────────────────────────────────


def desired_tmpfs(subject: Subject) -> Normal:
    parts = (entry.partition(":") for entry in texts(subject.document.get("tmpfs")))
    return {f"[{path(target)}]": options for target, _, options in parts}


def observed_tmpfs(subject: Subject) -> Normal:
    return {f"[{path(target)}]": text(options) or "" for target, options in mapping(subject.host.get("Tmpfs")).items()}


def _donors(document: Document) -> list[str]:
    return sorted({re.sub(r":(ro|rw)$", "", entry) for entry in texts(document.get("volumes_from"))})


def desired_volumes_from(subject: Subject) -> Normal:
    """Return whose volumes are mounted: `service` or `container:name`. The engine forgets `:ro`."""
    return single(list[Json](_donors(subject.document)) or None)


def observed_volumes_from(subject: Subject) -> Normal:
    shown = {re.sub(r":(ro|rw)$", "", entry) for entry in texts(subject.host.get("VolumesFrom"))}
    return single(list[Json](sorted({_donor(entry, subject) for entry in shown})) or None)


def _donor(shown: str, subject: Subject) -> str:
    for name in _donors(subject.document):
        service, container = subject.world.peers.get(name, ()), name.removeprefix("container:")
        if shown in service or shown in {container, subject.world.containers.get(container)}:
            return name
    return f"container:{shown[:12]}"


def desired_storage_opt(subject: Subject) -> Normal:
    return _options(subject.document.get("storage_opt"))


def observed_storage_opt(subject: Subject) -> Normal:
    return _options(under(subject.host, "StorageOpt"))


def _options(value: Json) -> Normal:
    return {f".{key}": text(item) or "" for key, item in mapping(value).items()} if value else EMPTY
