"""Stacks to measure with: all alike, two services each, with what small real ones have; images made on the spot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from deploy.private_dockerd import PrivateDockerd
from tests.bench.rival import Rival
from tests.e2e.host import Host

_PAIR = """\
  api%(pair)s:
    image: app:1
    environment: {LEVEL: "%(level)d", NAME: %(name)s, TZ: Asia/Shanghai}
    labels: {org.example.team: home}
    volumes: ["./api.conf:/etc/api.conf:ro"]
    restart: unless-stopped
  store%(pair)s:
    image: app:1
    volumes: ["data:/data"]
    restart: unless-stopped
"""


def stack_files(name: str, level: int = 1, pairs: int = 1) -> dict[str, str]:
    """Return the files of one stack by their path in its folder; another `level` changes the service `api`."""
    values = [{"name": name, "level": 1 if pair else level, "pair": pair or ""} for pair in range(pairs)]
    services = "".join(_PAIR % one for one in values)
    return {"compose.yaml": f"services:\n{services}volumes:\n  data: {{}}\n", "api.conf": f"name = {name}\n"}


def write_folders(parent: Path, names: Iterable[str], level: int = 1) -> list[Path]:
    """Write plain stack folders, as compose alone is used with; return them."""
    folders = [parent / name for name in names]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in stack_files(folder.name, level).items():
            (folder / path).write_text(text)
    return folders


class Farm:
    """A host of ours with a growing number of stacks, which `rival` may loop over as well."""

    def __init__(self, folder: Path, dockerd: PrivateDockerd, rival: Rival, word: str) -> None:
        self.host = Host(folder, dockerd)
        self.names: list[str] = []
        self._rival = rival
        self._word = word

    def write(self, count: int) -> None:
        """Push `count` stacks, where there are fewer."""
        new = [f"{self._word}{number:03}" for number in range(len(self.names), count)]
        self.host.push(in_stacks({name: stack_files(name) for name in new}), f"{count} stacks")
        self.names += new

    def grow(self, count: int) -> None:
        """Push and apply `count` stacks, where there are fewer."""
        if len(self.names) < count:
            self.write(count)
            with self.host.pipeline() as pipeline:
                report = pipeline.reconcile(pipeline.refresh())
            assert report.converged, [outcome for outcome in report.outcomes if outcome.problem]

    def change(self, name: str, level: int) -> None:
        """Push a change of one service of one stack."""
        self.host.push(in_stacks({name: stack_files(name, level)}), f"{name}: level {level}")

    def ids(self) -> list[str]:
        """Return the ids of all containers of the engine."""
        return sorted(one["Id"] for one in self.host.api.containers(all=True))

    def loop(self, count: int) -> None:
        """Let compose go over `count` of our stacks, with exactly the files that we call it with."""
        folders = [self.host.stacks_dir / name for name in self.names[:count]]
        self._rival.loop(folders, self.host.state_dir / "env")


def in_stacks(files: Mapping[str, Mapping[str, str]]) -> dict[str, str | None]:
    """Return files of stacks by their path in the repository."""
    return {f"stacks/{name}/{path}": text for name, one in files.items() for path, text in one.items()}
