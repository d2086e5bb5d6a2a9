"""The command line: ``catalog-builder VERB``. Each verb is a module, loaded when it is called."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from catalog_builder._version import __version__
from catalog_builder.errors import CatalogBuilderError
from catalog_builder.interrupt import INTERRUPTED, answering_interrupts
from catalog_builder.plain_text import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

VERBS: Final = {
    "collections": "Collections in CMR: concept id, title, version, cloud or not.",
    "search": "Granules in CMR, of a place and a time or of a definition; nothing is written.",
    "init": "Write the definition of a catalog.",
    "build": "Write or update a catalog from its definition.",
    "index": "Add beam references to a catalog, so that beams open fast.",
    "find": "Search a published catalog; no server is needed.",
    "info": "One granule: beams, strength, photons, size, links.",
    "photons": "The photons of an area, of all granules, filtered, as a file.",
    "plot": "Photon profile and track map of a beam.",
    "download": "Whole granules, resumed and checked, or their beams as NetCDF.",
    "compare": "Cloud against on-premises or a STAC API: what is on one side only.",
    "verify": "Check a catalog: STAC, links, counts, index against items.",
    "publish": "Upload a catalog to a bucket or a folder: what changed, pointers last.",
    "serve": "Host a catalog on this machine, for browsers and notebooks.",
    "doctor": "Login, credentials, region, what is reachable, and what to do.",
    "nasa-check": "The whole pipeline at NASA's services, with a report for an issue.",
    "demo": "The whole pipeline against a stand-in for NASA's services: no network, no account.",
    "standin": "Start the cloud of a demo again.",
}
"""Verbs and what they do, in the order in which a newcomer needs them. The command is in
``catalog_builder.commands.VERB``, which is not imported to list the verbs."""

_BROKEN_PIPE: Final = 141
"""Exit code where the reader of our output went away: 128 + SIGPIPE."""


class LazyGroup(click.Group):
    """Imports a verb when it is called, and shows an error as one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names of the verbs."""
        return list(VERBS)

    def main(self, args: Sequence[str] | None = None, *rest: Any, **kwargs: Any) -> Any:
        """Run the command line; streams that are closed or full end it without a traceback."""
        for name in ("stdin", "stdout", "stderr"):
            # Python has None for a stream that is closed.
            if getattr(sys, name) is None:
                mode = "r" if name == "stdin" else "w"
                setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - for good
        try:
            with answering_interrupts():
                return super().main(args, *rest, **kwargs)
        except OSError as error:
            # What verbs raise is told by invoke: this is --help, or --version, that cannot be
            # written.
            if "--debug" in (sys.argv if args is None else args):
                raise
            _tell(f"Error: {_sentence(error)}")
            _leave_stdout()
            sys.exit(1)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        """The command of a verb, imported now."""
        if name not in VERBS:
            return None
        command = _command_of(name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb that is named; an unknown one is an error that names what is near."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            raise click.exceptions.NoSuchCommand(
                error.command_name,
                f"There is no verb {error.command_name!r}.",
                possibilities=VERBS,
                ctx=ctx,
            ) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the verbs without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; an error becomes one sentence, or with ``--debug`` its traceback."""
        with _messages_to_stderr():
            try:
                result = super().invoke(ctx)
                sys.stdout.flush()  # a reader that went away is noticed here, not at exit
            except click.ClickException as error:
                told = sentence(f"Error: {error.format_message()}", sys.stderr)
                error.format_message = lambda: told.removeprefix("Error: ")  # type: ignore[method-assign]
                raise
            except (click.exceptions.Exit, click.Abort):
                raise
            except KeyboardInterrupt:
                click.echo("Interrupted.", err=True)
                ctx.exit(INTERRUPTED)
            except BrokenPipeError:
                _leave_stdout()
                ctx.exit(_BROKEN_PIPE)
            except Exception as error:
                if ctx.params["debug"]:
                    raise
                _tell(f"Error: {_sentence(error)}")
                _flush_stdout()
                ctx.exit(1)
            return result


def _command_of(verb: str) -> Any:
    name = verb.replace("-", "_")
    return getattr(import_module(f"catalog_builder.commands.{name}"), name)


def _tell(text: str) -> None:
    from catalog_builder.commands.terminal import note

    note(text)


def _leave_stdout() -> None:
    """What is still in its buffer has nowhere to go: Python would complain at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _flush_stdout() -> None:
    """Write what a verb printed before it failed, as far as that is possible."""
    try:
        sys.stdout.flush()
    except OSError:
        _leave_stdout()


def _sentence(error: Exception) -> str:
    if isinstance(error, CatalogBuilderError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{where}."
    text = " ".join(str(error).split())
    if isinstance(error, OSError):
        return text or type(error).__name__
    return (
        f"{type(error).__name__}: {text.rstrip('.')}. This should not happen: "
        "'catalog-builder --debug VERB ...' shows where."
    )


class _StderrHandler(logging.Handler):
    """Shows the package's log messages, such as that a request to CMR is repeated."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show one message."""
        _tell(record.getMessage())


@contextmanager
def _messages_to_stderr() -> Iterator[None]:
    """Warnings and log messages go to stderr as plain sentences while a verb runs."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        _tell(str(message))

    logger, handler = logging.getLogger("catalog_builder"), _StderrHandler()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = show
            yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="catalog-builder")
@click.option("--debug", is_flag=True, help="Show the whole traceback of an error.")
@click.pass_context
def main(context: click.Context, debug: bool) -> None:  # noqa: ARG001 - read when a verb fails
    """Find and open ICESat-2 ATL03 photons in the cloud.

    A definition says which granules; from it a static STAC catalog is built that any web server
    can host, and that finds and opens them. Results go to stdout, messages to stderr.
    """
    if os.environ.get("NO_COLOR"):
        context.color = False


if __name__ == "__main__":
    main()
