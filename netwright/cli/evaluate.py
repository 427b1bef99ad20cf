"""``netwright evaluate``: this machine evaluates architectures for designs on a server."""

from pathlib import Path
from typing import Annotated

import typer

from netwright.cli.connect import UrlOption, connected
from netwright.cli.exit_codes import ExitCode, stop
from netwright.cli.output import JsonOption, note, out, print_json
from netwright.client.transport import Json

app = typer.Typer()


@app.command()
def evaluate(
    run: Annotated[
        str,
        typer.Option(help="Evaluates one architecture, as for `netwright search`."),
    ],
    client_id: Annotated[
        str | None, typer.Option("--client", help="Name of this client; by default one of its own.")
    ] = None,
    job: Annotated[str | None, typer.Option(help="For this design alone; for any unless said.")] = None,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds of one command; 0: no limit.")] = 0.0,
    retries: Annotated[int, typer.Option(min=0, max=10, help="How often a failed command runs again.")] = 0,
    idle_seconds: Annotated[
        float, typer.Option(min=0, help="Ends when nothing was there to evaluate for so long.")
    ] = 600.0,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluate, by a command of yours, what designs with the evaluator `external` hand out."""
    from netwright.client.command import Command
    from netwright.client.evaluations import work
    from netwright.client.studies import client_name
    from netwright.settings import Settings

    name = client_id or client_name()
    folder = Settings().data_dir / "evaluations"

    def by_command(evaluation: Json, should_stop: "object") -> Json:
        place = Command(run, Path(folder) / evaluation["id"], timeout, retries)
        suggestion = {**evaluation, "number": evaluation["attempt"]}
        return place.evaluate(suggestion, should_stop)  # type: ignore[arg-type]

    def told(evaluation: Json, answer: Json) -> None:
        said = answer.get("failed") or ", ".join(f"{key} {v:.4g}" for key, v in answer["values"].items())
        note(f"{evaluation['architecture']}: {said}")

    with connected(url) as client:
        try:
            done = work(
                client.transport, by_command, client_id=name, job=job, idle_seconds=idle_seconds, on_told=told
            )
        except KeyboardInterrupt:
            raise stop("interrupted; its claim expires and goes to others", ExitCode.INTERRUPTED) from None
    if as_json:
        print_json({"evaluated": done, "client_id": name})
    else:
        out().print(f"{done} evaluated")
