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


def _not_blank(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise click.BadParameter("an empty name names nothing.")
    return value


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
@click.option("--no-wait", is_flag=True, help="Only ask the agent for it, and do not wait.")
@_json
@_prune
@_config
def apply(file: Path | None, accept_rewrite: bool, no_wait: bool, as_json: bool, confirm_prune: bool) -> int:
    """Do what the plan says, then look again.

    With FILE, a plan saved by `plan -o`, only if that is still what would be done.

    Exit code 0: this host is as git says; 3: something failed, is blocked, or the saved plan is stale; 1: nothing
    could be tried.
    """
    from reconciler.cli.applying import run

    return run(
        _config_file(),
        file,
        as_json=as_json,
        accept_rewrite=accept_rewrite,
        confirm_prune=confirm_prune,
        wait=not no_wait,
    )


@cli.command()
@click.option("--summary", is_flag=True, help="At most 4 KB: counts, and the ten worst stacks.")
@click.option("--watch", is_flag=True, help="Keep it up to date until Ctrl-C.")
@_json
@_config
def status(as_json: bool, summary: bool, watch: bool) -> int:
    """Show how this host stands to what git says.

    Exit code 0: all good; 3: something is not; 1: it cannot be told.
    """
    if watch:
        from reconciler.cli import watching

        return watching.run(_config_file(), as_json=as_json, summary=summary)
    from reconciler.cli.status import run

    return run(_config_file(), as_json=as_json, summary=summary)


@cli.command()
@click.argument("target", callback=_not_blank)
@_json
@_config
def why(target: str, as_json: bool) -> int:
    """Say why something is as it is.

    What changed it, what was repaired since, what is still to do, and what that waits for.
    TARGET is a stack, stack/service, a service, a container (name or id), or a daemon key.
    """
    from reconciler.cli.why import run

    return run(_config_file(), target, as_json=as_json)


@cli.command()
@click.argument("stack", required=False, callback=_not_blank)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, metavar="N", help="At most N runs (20).")
@click.option("--follow", is_flag=True, help="Go on with the runs to come. Needs a running agent.")
@_json
@_config
def history(stack: str | None, limit: int, follow: bool, as_json: bool) -> int:
    """Show what was done, newest last: when, why, of which commit.

    Of one STACK, or of `daemon`. Runs in which nothing was to be done are left out.
    """
    from reconciler.cli.history import run

    return run(_config_file(), stack, limit=limit, follow=follow, as_json=as_json)


@cli.command()
@click.argument("stack", callback=_not_blank)
@click.option("--reason", required=True, metavar="R", help="Why, for whoever wonders later.")
@click.option("--until", metavar="T", help="2026-12-01T08:00, 08:00, or a duration such as 2h; else until `resume`.")
@_config
def suspend(stack: str, reason: str, until: str | None) -> int:
    """Leave a stack alone, whatever git says or happens to it."""
    from reconciler.cli import suspending

    return suspending.suspend(_config_file(), stack, reason, until)


@cli.command()
@click.argument("stack", callback=_not_blank)
@_config
def resume(stack: str) -> int:
    """Look after a suspended stack again."""
    from reconciler.cli import suspending

    return suspending.resume(_config_file(), stack)


@cli.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--device", metavar="NAME", help="This device's name (else the host's).")
@click.option(
    "--config",
    "settings",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the agent's settings there, unless there are some.",
)
def init(folder: Path, device: str | None, settings: Path | None) -> int:
    """Write a repository and settings to start from.

    DIR must be empty, or not there yet; nothing is ever overwritten.
    """
    from reconciler.cli.initing import run

    return run(folder, device, settings)


@cli.command(name="run")
@click.option("--log", type=click.Choice(["text", "json"]), default="text", help="The form of the log (text).")
@click.option("--debug", is_flag=True, help="Log what passes look at, too.")
@_config
def run_agent(log: str, debug: bool) -> int:
    """Keep this host as git says, until told to stop: the agent.

    SIGTERM and Ctrl-C end it once what is under way is done; SIGHUP lets it read its settings again.
    """
    from reconciler.cli.running import run

    return run(_config_file(), as_json=log == "json", debug=debug)


def main() -> None:
    """Run the command line and end the process."""
    sys.excepthook = _admit_bug
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command; return its exit code."""
    from reconciler.errors import ReconcilerError

    streams.prepare()
    try:
        _refuse_bytes(arguments)
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


def _refuse_bytes(arguments: Sequence[str]) -> None:
    """Refuse words that are no text: neither a document, nor the record, nor the settings can hold them."""
    for word in arguments:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise click.UsageError(f"{word} is no text in UTF-8.") from None


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
