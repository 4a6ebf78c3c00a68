"""Say how compose is called: pure builders of argument lists; nothing here runs anything.

Below the rooms; imports nothing of ours. The plugin file is called directly, never through the docker program. Why these
flags and no others is pinned by tests/contract.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType

FLOOR = (2, 26)
"""The oldest compose we work with."""

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

NO_REMOTES = MappingProxyType(
    {"COMPOSE_EXPERIMENTAL_GIT_REMOTE": "false", "COMPOSE_EXPERIMENTAL_OCI_REMOTE": "false"},
)

NO_GIT = MappingProxyType({"BUILDX_GIT_INFO": "false", "GIT_DIR": "/dev/null"})
"""A build asks git about its context. One that is made to look like a repository has settings, and some name programs:
git would start them, on the host, as whom we are. So git is not asked, and where it is all the same it finds nothing."""


@dataclass(frozen=True, slots=True)
class Project:
    """What every call names: nothing is left for compose to guess.

    `program` is the plugin file, `name` the project ("" while only compose knows it), `folder` the project directory,
    `files` relative to it, `env_file` replaces `.env`.
    """

    program: str
    name: str
    folder: str
    files: tuple[str, ...]
    env_file: str
    profiles: tuple[str, ...] = ()


def environment(host: str | None, config_dir: str | None) -> dict[str, str]:
    """Give compose's whole environment; `host` and `config_dir` None where no engine is needed.

    HOME is left out on purpose: `${HOME}` in a compose file must mean what git says or nothing.
    """
    given = {"DOCKER_HOST": host, "DOCKER_CONFIG": config_dir}
    return {"PATH": _PATH, **NO_REMOTES, **NO_GIT, **{name: value for name, value in given.items() if value}}


def version(program: str) -> list[str]:
    """Ask a compose program for its bare version."""
    return [program, "version", "--short"]


def config(project: Project) -> list[str]:
    """Render the model as JSON."""
    return [*_base(project), "config", "--format", "json"]


def up(project: Project, services: Sequence[str], *, recreate: bool) -> list[str]:
    """Make exactly these services: all anew, or only the containers that are missing.

    Waits for nothing, builds and pulls nothing, honours each container's own stop grace.
    """
    how = "--force-recreate" if recreate else "--no-recreate"
    return [*_base(project), "up", "--detach", "--no-deps", "--no-build", "--pull", "never", how, "--", *services]


def pull(project: Project, services: Sequence[str]) -> list[str]:
    """Pull the images of exactly these services."""
    return [*_base(project), "pull", "--quiet", "--", *services]


def build(project: Project, services: Sequence[str]) -> list[str]:
    """Build the images of exactly these services."""
    return [*_base(project), "build", "--", *services]


def _base(project: Project) -> list[str]:
    folder = PurePosixPath(project.folder)
    return [
        project.program, "--ansi", "never", "--progress", "plain",
        *(("--project-name", project.name) if project.name else ()),
        "--project-directory", project.folder,
        "--env-file", project.env_file,
        *_each("--file", [str(folder / file) for file in project.files]),
        *_each("--profile", project.profiles),
    ]  # fmt: skip


def _each(option: str, values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (option, value)]
