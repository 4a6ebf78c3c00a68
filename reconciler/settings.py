"""The agent's own settings file (formats.md §2), read once and passed down.

Below the rooms; may import address, yamlfile, shape, errors and model. No environment variable is read here.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from reconciler import yamlfile
from reconciler.address import allowed_ref, allowed_url, listen_address
from reconciler.errors import InvalidSettings, InvalidSource
from reconciler.model import Json, Position
from reconciler.shape import Duration, Fault, Shape, complaint, fit
from reconciler.yamlfile import YamlFile

DEFAULT_FILE = Path("/etc/reconciler/config.yaml")


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """The followed repository: `url` and `ref` are safe to hand to git, `path` is inside it, `poll` in seconds."""

    url: str
    ref: str = "main"
    path: str = "."
    poll: float = 60.0


@dataclass(frozen=True, slots=True)
class DockerSettings:
    """Where the engine listens, and the folder of docker's client configuration (which may be absent)."""

    host: str = "unix:///var/run/docker.sock"
    config: Path | None = Path("/root/.docker")


@dataclass(frozen=True, slots=True)
class DriftSettings:
    """What to do about drift; `every` and `stop_grace` are in seconds."""

    correct: Literal["auto", "report"] = "auto"
    every: float = 900.0
    stop_grace: float = 600.0


@dataclass(frozen=True, slots=True)
class Control:
    """How dockerd is started, stopped and reloaded."""

    kind: Literal["systemd", "pidfile", "command"]
    unit: str | None = None
    pidfile: Path | None = None
    start: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    reload: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DaemonSettings:
    """The managed dockerd: its config file and the keys that belong to the system, each with its `positions`.

    `allow` opens keys to git that change who has power over this host.
    """

    config_file: Path
    control: Control
    owned: Mapping[str, Json] = field(default_factory=dict)
    positions: Mapping[str, Position] = field(default_factory=dict)
    allow: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Where metrics can be read: the address of an interface, and a TCP port."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the agent is told on this device."""

    device: str
    source: SourceSettings
    docker: DockerSettings
    stacks_dir: Path
    state_dir: Path
    env_dir: Path | None
    drift: DriftSettings
    daemon: DaemonSettings | None
    file: Path
    metrics: MetricsSettings | None = None


def load(path: Path | None = None) -> Settings:
    """Read the settings file (`/etc/reconciler/config.yaml` unless told). Raises InvalidSettings with file and line."""
    file = path or DEFAULT_FILE
    try:
        parsed = yamlfile.load(_guarded(file), str(file))
    except InvalidSource as error:
        raise InvalidSettings(error.code, file=error.file, line=error.line, **error.arguments) from None
    fitted = fit(_File, parsed)
    if isinstance(fitted, tuple):
        raise _refusal(fitted, parsed)
    _check_paths(fitted, parsed)
    _check_owned(fitted, parsed)
    return _settings(fitted, parsed)


def _guarded(file: Path) -> bytes:
    """Read the file, unless somebody else could have written it: whoever writes it is root on this device."""
    try:
        with file.open("rb") as stream:
            status = os.fstat(stream.fileno())
            if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise InvalidSettings("settings-writable", file=str(file), mode=f"{stat.S_IMODE(status.st_mode):04o}")
            if status.st_uid not in (0, os.geteuid()):
                raise InvalidSettings("settings-owner", file=str(file), uid=str(status.st_uid))
            return stream.read(yamlfile.MAX_BYTES + 1)
    except FileNotFoundError:
        raise InvalidSettings("settings-missing", file=str(file)) from None
    except OSError as error:
        raise InvalidSettings("settings-unreadable", file=str(file), words=error.strerror or "") from None


def _refusal(faults: Sequence[Fault], parsed: YamlFile) -> InvalidSettings:
    fault = min(faults, key=lambda fault: (fault.code != "unknown-key", fault.line or 0))
    return InvalidSettings(fault.code, file=parsed.file, line=fault.line, **fault.args)


# ── the shape of the file ────────────────────────────────────────────────────────────────────────


def _url(value: str) -> str:
    if not allowed_url(value):
        raise complaint("a source is an absolute path, file://, https://, ssh:// or git@host:path")
    return value


def _ref(value: str) -> str:
    if not allowed_ref(value):
        raise complaint("a ref is a branch or tag name such as main or refs/tags/v1")
    return value


def _inside(value: str) -> str:
    parts = [part for part in value.split("/") if part not in ("", ".")]
    if value.startswith("/") or ".." in parts or ".git" in parts:
        raise complaint("this is a folder inside the repository, such as homes/attic")
    return "/".join(parts) or "."


def _absolute(value: Any) -> Path:
    if not isinstance(value, str) or not value.startswith("/") or "\x00" in value:
        raise complaint("this must be an absolute path")
    return Path(os.path.normpath(value))


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", value):
        raise complaint("a device's name is letters, digits, `.`, `_`, `-`, at most 63 of them")
    return value


def _host(value: str) -> str:
    if not re.fullmatch(r"unix:///\S+|tcp://[A-Za-z0-9\[][^\s/]*", value):
        raise complaint("the engine's address is unix:///path/to/docker.sock or tcp://host:port")
    return value


def _listen(value: Any) -> MetricsSettings:
    address = listen_address(value) if isinstance(value, str) else None
    if address is None:
        raise complaint("this is an address of this host and a port, such as 127.0.0.1:9121 or '[::1]:9121'")
    return MetricsSettings(*address)


def _positive(value: float) -> float:
    if value <= 0:
        raise complaint("this must be longer than nothing")
    return value


AbsolutePath: TypeAlias = Annotated[Path, BeforeValidator(_absolute)]
Interval: TypeAlias = Annotated[Duration, AfterValidator(_positive)]
Command: TypeAlias = Annotated[list[str], Field(min_length=1)]


class _Source(Shape):
    url: Annotated[str, AfterValidator(_url)]
    ref: Annotated[str, AfterValidator(_ref)] = "main"
    path: Annotated[str, AfterValidator(_inside)] = "."
    poll: Interval = 60.0


class _Docker(Shape):
    host: Annotated[str, AfterValidator(_host)] = "unix:///var/run/docker.sock"
    config: AbsolutePath | None = Path("/root/.docker")


class _Drift(Shape):
    correct: Literal["auto", "report"] = "auto"
    every: Interval = 900.0
    stop_grace: Duration = 600.0


_NEEDED: Mapping[str, tuple[str, ...]] = {
    "systemd": (),
    "pidfile": ("pidfile", "start"),
    "command": ("start", "stop", "reload", "restart"),
}


class _Control(Shape):
    kind: Literal["systemd", "pidfile", "command"]
    unit: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9@._:\\-]*$")] | None = None
    pidfile: AbsolutePath | None = None
    start: Command | None = None
    stop: Command | None = None
    reload: Command | None = None
    restart: Command | None = None

    @model_validator(mode="after")
    def _complete(self) -> _Control:
        missing = [key for key in _NEEDED[self.kind] if key not in self.model_fields_set]
        foreign = sorted(
            self.model_fields_set - {"kind", *_NEEDED[self.kind], *(["unit"] if self.kind == "systemd" else [])}
        )
        if missing:
            raise complaint(f"kind `{self.kind}` needs {' and '.join(f'`{key}`' for key in missing)} too")
        if foreign:
            raise complaint(f"kind `{self.kind}` has no use for `{foreign[0]}`")
        return self


class _Daemon(Shape):
    config_file: AbsolutePath = Path("/etc/docker/daemon.json")
    control: _Control = _Control(kind="systemd")
    owned: dict[str, Any] = Field(default_factory=dict)
    allow: list[str] = Field(default_factory=list)

    @field_validator("owned")
    @classmethod
    def _json(cls, owned: dict[str, Any]) -> dict[str, Any]:
        try:
            json.dumps(owned, allow_nan=False)
        except ValueError:
            raise complaint("JSON knows no .inf and no .nan") from None
        return owned


class _Metrics(Shape):
    listen: Annotated[MetricsSettings, BeforeValidator(_listen)]


class _File(Shape):
    device: Annotated[str, AfterValidator(_name)]
    source: _Source
    docker: _Docker = _Docker()
    state_dir: AbsolutePath = Path("/var/lib/reconciler")
    stacks_dir: AbsolutePath | None = None
    env_dir: AbsolutePath | None = None
    drift: _Drift = _Drift()
    daemon: _Daemon | None = None
    metrics: _Metrics | None = None


def _check_paths(shape: _File, parsed: YamlFile) -> None:
    named: list[tuple[tuple[str, ...], Path]] = []
    if shape.env_dir:
        named.append((("env_dir",), shape.env_dir))
    if shape.daemon:
        named.append((("daemon", "config_file"), shape.daemon.config_file.parent))
    for path, folder in named:
        if not os.path.isdir(folder):  # noqa: PTH112 - no error, whatever path is named
            args = {"key": ".".join(path), "path": str(folder)}
            raise InvalidSettings("settings-path-missing", file=parsed.file, line=parsed.line(*path), **args)


def _check_owned(shape: _File, parsed: YamlFile) -> None:
    for key, value in shape.daemon.owned.items() if shape.daemon else ():
        if value == "keep":
            line = parsed.line("daemon", "owned", key)
            raise InvalidSettings("settings-owned-keep", file=parsed.file, line=line, key=key)


def _settings(shape: _File, parsed: YamlFile) -> Settings:
    source, drift = shape.source, shape.drift
    return Settings(
        device=shape.device,
        source=SourceSettings(source.url, source.ref, source.path, source.poll),
        docker=DockerSettings(shape.docker.host, shape.docker.config),
        stacks_dir=shape.stacks_dir or shape.state_dir / "stacks",
        state_dir=shape.state_dir,
        env_dir=shape.env_dir,
        drift=DriftSettings(drift.correct, drift.every, drift.stop_grace),
        daemon=_daemon(shape.daemon, parsed) if shape.daemon else None,
        file=Path(parsed.file),
        metrics=shape.metrics.listen if shape.metrics else None,
    )


def _daemon(shape: _Daemon, parsed: YamlFile) -> DaemonSettings:
    positions = {key: Position(parsed.file, parsed.line("daemon", "owned", key)) for key in shape.owned}
    return DaemonSettings(shape.config_file, _control(shape.control), shape.owned, positions, frozenset(shape.allow))


def _control(shape: _Control) -> Control:
    start, stop, reload, restart = (
        tuple(words or ()) for words in (shape.start, shape.stop, shape.reload, shape.restart)
    )
    unit = (shape.unit or "docker") if shape.kind == "systemd" else None
    return Control(shape.kind, unit, shape.pidfile, start, stop, reload, restart)
