"""What the command's exit status says, and how errors are shown.

=====  ==========================================================================================
0      done
1      the work failed: a job that failed or was cancelled, a check that does not hold
2      the command or the request makes no sense, or what it was given cannot be used as it is: a port or
       folder in use, a damaged or read-only database, a full disk; the message names it
3      a server, a store or a table cannot be reached
4      infeasible: no architecture satisfies the bounds (the nearest one is shown)
130    interrupted with Ctrl-C or SIGTERM (the job goes on where the server does, else with `jobs resume`)
=====  ==========================================================================================
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING

import typer

from netwright.cli.output import error_line

if TYPE_CHECKING:
    from workers.surroundings import StackError


class ExitCode(IntEnum):
    """Exit statuses of the command."""

    DONE = 0
    FAILED = 1
    INVALID = 2
    UNAVAILABLE = 3
    INFEASIBLE = 4
    INTERRUPTED = 130


def stop(message: str, code: ExitCode) -> typer.Exit:
    """Shows why the command ends; the caller raises what this returns."""
    error_line(message)
    return typer.Exit(int(code))


@contextmanager
def store_errors_reported() -> Iterator[None]:
    """Turns what goes wrong when a store is opened into a line and an exit status."""
    from sqlalchemy.exc import ArgumentError

    from store.jobs.job import SchemaMismatch, StoreError, StoreFull, StoreUnusable

    try:
        yield
    except (StoreUnusable, StoreFull, SchemaMismatch) as error:
        raise stop(f"the store cannot be used: {error}", ExitCode.INVALID) from None
    except (StoreError, OSError, ValueError, ArgumentError) as error:
        raise stop(f"the store cannot be used: {error}", ExitCode.UNAVAILABLE) from None


def stack_stopped(error: "StackError", hint: str = "") -> typer.Exit:
    """Shows why the embedded stack did not start; the caller raises what this returns."""
    from workers.surroundings import WrongSurroundings

    wrong = isinstance(error, WrongSurroundings)
    return stop(f"{error}{hint}", ExitCode.INVALID if wrong else ExitCode.UNAVAILABLE)


@contextmanager
def errors_reported() -> Iterator[None]:
    """Turns the errors that a person can do something about into a line and an exit status."""
    from benchmarks.errors import TableUnavailable
    from netwright.client.errors import ApiError, JobEnded, ServerUnreachable

    try:
        yield
    except ApiError as error:
        for item in error.errors:
            error_line(f"{item.field}: {item.message}" + (f" ({item.hint})" if item.hint else ""))
        message = error.detail if not error.errors else f"the server refused: {error.status} {error.title}"
        raise stop(message, ExitCode.INVALID if error.status < 500 else ExitCode.UNAVAILABLE) from None
    except (ServerUnreachable, TableUnavailable) as error:
        raise stop(str(error), ExitCode.UNAVAILABLE) from None
    except JobEnded as error:
        raise stop(str(error), ExitCode.FAILED) from None
