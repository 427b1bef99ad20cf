"""``netwright train devices``: the shared latency models."""

from dataclasses import asdict

from netwright.cli.exit_codes import errors_reported
from netwright.cli.output import JsonOption, note, print_json, print_table
from netwright.cli.progress import progress_bar
from netwright.cli.train import OutOption, SeedOption, app


@app.command()
def devices(seed: SeedOption = 0, out: OutOption = None, as_json: JsonOption = False) -> None:
    """Train the shared latency models of every latency table that is here; the cards say how they do."""
    import artifacts
    from benchmarks.tables import Tables
    from netwright.settings import Settings
    from predictors.training.ship_devices import train_devices

    settings = Settings()
    folder = out or artifacts.ROOT / "devices"
    with errors_reported(), progress_bar("devices") as show:
        trained = train_devices(Tables(settings.cache_dir, settings.data), folder, seed=seed, progress=show)
    note(f"written to {folder}")
    rows = [asdict(row) for row in trained]
    if as_json:
        print_json({"devices": rows})
        return
    shown = ["space", "device", "spearman", "coverage_percent"]
    print_table(shown, [[row[name] for name in shown] for row in rows])
