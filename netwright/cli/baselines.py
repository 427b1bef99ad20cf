"""What a plain backbone reaches, beside what a design found."""

from collections.abc import Mapping, Sequence
from typing import Any

from netwright.cli.output import interval, print_table
from netwright.cli.output import out as standard

_NAMES = {
    "found": "the best that was found",
    "fine_tuned": "the backbone, fine-tuned",
    "linear_probe": "linear probe",
}


def print_baselines(
    result: Mapping[str, Any], networks: Sequence[Mapping[str, Any]], plain: Mapping[str, Any] | None
) -> None:
    """A table of what was found and of the baselines, and which of them wins.

    Args:
        result: of the design.
        networks: results of what it finished.
        plain: result of the plain backbone's own training; None without one.
    """
    compared = result.get("baselines")
    if not compared:
        return
    if compared["backbone"] is None:
        standard().print(f"no baseline: {compared['message']}", markup=False)
        return
    costs = list(compared["metrics"])
    own = {row["architecture"]: row["metrics"] for row in result["architectures"]}
    rows = []
    for name, title in _NAMES.items():
        if (each := compared.get(name)) is None:
            continue
        found = own.get(str(each.get("architecture")), {}) if name == "found" else compared["metrics"]
        values = [interval(found[key]) if key in found else None for key in costs]
        rows.append([title, each["accuracy"], each["test_accuracy"], *values])
    title = f"{compared['backbone']} at {compared['resolution']} pixels, the largest within the bounds"
    print_table(["", "validation (%)", "test (%)", *costs], rows, title=title)
    standard().print(compared["message"], markup=False)
    if plain is not None and networks:
        standard().print(compared_networks(networks, plain)["message"], markup=False)


def compared_networks(networks: Sequence[Mapping[str, Any]], plain: Mapping[str, Any]) -> dict[str, Any]:
    """Finished networks beside the plain backbone, trained on all images alike, on the test images.

    Nothing is chosen by it.

    >>> def made(percent):
    ...     accuracy = {"percent": percent, "lower": percent - 2, "upper": percent + 2}
    ...     return {"card": {"accuracy": {"onnx": accuracy}}}
    >>> compared_networks([made(71.0)], made(72.5))["message"]
    'trained alike, the plain backbone is ahead: 72.50 % (70.5 to 74.5) and 71.00 % of the test images'
    """
    best, other = (_accuracy(each["card"]) for each in (networks[0], plain)) if networks else (None, None)
    if best is None or other is None:
        return {"ahead": None, "message": "there are no test images to compare the finished networks by"}
    plainly = f"{other['percent']:.2f} % ({other['lower']:.1f} to {other['upper']:.1f})"
    own = f"{best['percent']:.2f} %"
    if other["percent"] > best["percent"]:
        told = f"the plain backbone is ahead: {plainly} and {own} of the test images"
        return {"ahead": "backbone", "message": f"trained alike, {told}"}
    told = f"{own}, the plain backbone {plainly} of the test images"
    ahead = "found" if best["percent"] > other["percent"] else None
    return {"ahead": ahead, "message": f"trained alike on all images: {told}"}


def _accuracy(card: Mapping[str, Any]) -> Mapping[str, Any] | None:
    measured: Mapping[str, Any] | None = card["accuracy"]
    return None if measured is None else measured["onnx"]
