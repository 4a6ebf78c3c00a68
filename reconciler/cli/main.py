"""The command line: parse, dispatch, end with the right exit code.

Face; may import everything below it, but at the top only click and the standard library: `--help` answers at once,
and each verb loads what it needs. Exit codes are those of docs/settings.md.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import click

from reconciler import __version__
from reconciler.cli import streams

WRONG_USAGE = 64
INTERRUPTED = 130

_Verb = TypeVar("_Verb", bound=Callable[..., Any])


def _remember_config(context: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.meta["config"] = value


def _config_option(environment: str | None = None) -> Callable[[_Verb], _Verb]:
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar=environment,
        metavar="FILE",
        expose_value=False,
        callback=_remember_config,
        help="The agent's settings (else RECONCILER_CONFIG, else /etc/reconciler/config.yaml).",
    )


# Before the verb, or after it, where it is said again: only the first looks at the environment.
_config_or_environment = _config_option("RECONCILER_CONFIG")
_config = _config_option()
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
_prune = click.option(
    "--confirm-prune", is_flag=True, help="Allow a removal that would else be held back as too large."
)


def _config_file() -> Path | None:
    file: Path | None = click.get_current_context().meta.get("config")
    return file


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="reconciler %(version)s")
@_config_or_environment
def cli() -> None:
    """Keep this Docker host as git says it should be."""


@cli.command()
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option(
    "--env-dir",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="DIR",
    help="Stands in for the device's env_dir: DIR/<stack>.env.",
)
@_json
@_config
def validate(folder: Path, env_dir: Path | None, as_json: bool) -> int:
    """Check a desired repository.

    For every device of it, all problems at once. Needs no engine and no settings. DIR is its top folder, by default
    the current one.
    """
    from reconciler.cli.validate import run

    return run(folder, env_dir, as_json=as_json)


@cli.command()
@click.option("-o", "output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Save the plan.")
@_json
@_prune
@_config
def plan(output: Path | None, as_json: bool, confirm_prune: bool) -> int:
    """Show what would be done, and why. Changes nothing.

    Exit code 0: nothing to do; 2: there are actions; 3: only blocked things; 1: no plan could be made.
    """
    from reconciler.cli.planning import run

    return run(_config_file(), output, as_json=as_json, confirm_prune=confirm_prune)


@cli.command()
@click.argument("file", metavar="[FILE]", required=False, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--accept-rewrite", is_flag=True, help="Follow the source although its history was rewritten.")
@_json
@_prune
@_config
def apply(file: Path | None, accept_rewrite: bool, as_json: bool, confirm_prune: bool) -> int:
    """Do what the plan says, then look again.

    With FILE, a plan saved by `plan -o`, only if that is still what would be done.

    Exit code 0: this host is as git says; 3: something failed, is blocked, or the saved plan is stale; 1: nothing
    could be tried.
    """
    from reconciler.cli.applying import run

    return run(_config_file(), file, as_json=as_json, accept_rewrite=accept_rewrite, confirm_prune=confirm_prune)


@cli.command()
@click.option("--summary", is_flag=True, help="At most 4 KB: counts, and the ten worst stacks.")
@_json
@_config
def status(as_json: bool, summary: bool) -> int:
    """Show how this host stands to what git says.

    Exit code 0: all good; 3: something is not; 1: it cannot be told.
    """
    from reconciler.cli.status import run

    return run(_config_file(), as_json=as_json, summary=summary)


def main() -> None:
    """Run the command line and end the process."""
    sys.excepthook = _admit_bug
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command; return its exit code."""
    from reconciler.errors import ReconcilerError

    streams.prepare()
    try:
        code: int = cli.main(list(arguments), prog_name="reconciler", standalone_mode=False) or 0
    except click.ClickException as error:
        return _wrong_usage(error)
    except (click.Abort, KeyboardInterrupt):
        streams.complain("Interrupted.")
        return INTERRUPTED
    except ReconcilerError as error:
        from reconciler.cli.words import tell_error

        tell_error(error)
        return 1
    return 1 if streams.lost_output() else code


def _wrong_usage(error: click.ClickException) -> int:
    from reconciler.cli.inert import inert_block

    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context else "reconciler"
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        streams.complain(error.format_message())
    else:
        streams.complain(f"error: {inert_block(error.format_message())}\n hint: {path} --help")
    return WRONG_USAGE


def _admit_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    from reconciler.cli.inert import inert_block

    streams.complain(inert_block("".join(traceback.format_exception(kind, error, trace)).rstrip()))
    streams.complain(f"\nerror: this is a bug in reconciler {__version__}; please report it with the lines above.")
