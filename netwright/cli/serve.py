"""``netwright serve`` and the processes that it is made of."""

import signal
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from netwright.cli.exit_codes import ExitCode, stack_stopped, stop, store_errors_reported

app = typer.Typer()


class _Ended(BaseException):
    """Someone asked the process to end."""


def _settings(**given: Any) -> Any:
    """Settings from the environment, with what the command line says above them."""
    from pydantic import ValidationError

    from netwright.settings import Settings

    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise stop("; ".join(lines), ExitCode.INVALID) from None


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; 127.0.0.1 unless said.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 for a free one. 8000.")] = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes. 2.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where state is kept. ./netwright-data")] = None,
) -> None:
    """Run everything on this machine: broker, relay, workers and API, until Ctrl-C or SIGTERM."""
    settings = _settings(host=host, port=port, workers=workers, data_dir=data_dir)
    from netwright.access import UnsafeAddress, check_address
    from netwright.logs import set_up_logs
    from netwright.roles import stack
    from workers.surroundings import StackError

    try:
        check_address(settings)
    except UnsafeAddress as error:
        raise stop(str(error), ExitCode.INVALID) from None
    set_up_logs(settings.log_level, settings.log_format)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _end)
    running = stack(settings)
    try:
        with running:
            typer.echo(f"Netwright is ready at {running.url}")
            while True:
                signal.pause()
    except _Ended:
        return
    except StackError as error:
        raise stack_stopped(error) from None


def _end(number: int, frame: FrameType | None) -> None:
    # One signal is enough; another one must not break the orderly end that the first began.
    for other in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    raise _Ended


@app.command()
def worker() -> None:
    """Run one worker process; NETWRIGHT_DATABASE_URL and NETWRIGHT_BROKER_URL say where the work is."""
    _role("worker")


@app.command(hidden=True)
def relay() -> None:
    """Run the relay and reaper process."""
    _role("relay")


@app.command(hidden=True)
def api() -> None:
    """Run one API process."""
    _role("api")


def _role(name: str) -> None:
    settings = _settings()
    from netwright.logs import set_up_logs

    set_up_logs(settings.log_level, settings.log_format)
    from netwright.access import UnsafeAddress
    from netwright.api import api as run_api
    from netwright.roles import BrokerMissing
    from netwright.roles import relay as run_relay
    from netwright.roles import worker as run_worker
    from workers.surroundings import WrongSurroundings

    run = {"api": run_api, "relay": run_relay, "worker": run_worker}[name]
    with store_errors_reported():
        try:
            status = run(settings)
        except (BrokerMissing, UnsafeAddress, WrongSurroundings) as error:
            raise stop(str(error), ExitCode.INVALID) from None
    raise typer.Exit(status)
