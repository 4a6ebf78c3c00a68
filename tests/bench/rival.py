"""What we are measured against: `docker compose up -d`, one stack after the other, the plugin called directly."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler import compose


@dataclass(frozen=True, slots=True)
class Rival:
    """The compose plugin `program` on the engine at `host`."""

    program: str
    host: str

    def up(self, folder: Path, env_file: Path | None = None, words: Sequence[str] = ()) -> None:
        """Bring one stack up as a person's script would; `words` are further options and services."""
        file = ["--env-file", str(env_file)] if env_file else []
        subprocess.run(
            [self.program, "--project-directory", str(folder), *file, "up", "-d", *words],
            env=compose.environment(self.host, None), cwd=folder, check=True, capture_output=True,
        )  # fmt: skip

    def loop(self, folders: Iterable[Path], env_dir: Path | None = None) -> None:
        """Bring many stacks up; each has its `<stack>.env` in `env_dir` if that is given."""
        for folder in folders:
            self.up(folder, env_dir / f"{folder.name}.env" if env_dir else None)
