"""Different networks: no two that are returned or evaluated compute the same function at equal cost."""

from collections import Counter

from benchmarks.tables import Tables
from experiments.framework.context import Context
from experiments.framework.row import NO_TABLE, Row

COUNT = 24
EVALUATIONS = 12
MOST_PARAMS_M = 0.1
"""Cells with few parameters have edges that lead nowhere, and many twins."""


def distinct_rows(context: Context) -> list[Row]:
    """Twins among what designs return and evaluate, and how many there would be."""
    found = context.once("twins", twins, context.tables)
    rows = []
    for name, what in (("distinct-twins", "function"), ("distinct-twins-of-strings", "string")):
        goal = "== 0" if what == "function" else None
        counts = [float(count) for count in found[what]]
        rows.append(Row.measured(name, counts, "twins", over="designs", goal=goal, evaluated_on=NO_TABLE))
    return rows


def twins(tables: Tables) -> dict[str, list[int]]:
    """``distinct`` → twins in a design without and in one with evaluations."""
    from search.design import run_design
    from search.request.design_request import parse_request
    from search.twins import function_keys

    found: dict[str, list[int]] = {}
    for distinct in ("function", "string"):
        for evaluations in (0, EVALUATIONS):
            bound = {"metric": "params_m", "max": MOST_PARAMS_M}
            order = {
                "space": "nasbench201",
                "task": "cifar10-int8-ptq",
                "constraints": [bound],
                "count": COUNT,
            }
            order |= {"count": COUNT, "evaluations": evaluations, "evaluator": "table", "distinct": distinct}
            request = parse_request(order)
            events: list[str] = []
            result = run_design(
                request,
                tables=tables,
                on_event=lambda event, seen=events: seen.append(str(event.data.get("architecture", ""))),  # type: ignore[misc]
            ).result
            returned = [row["architecture"] for row in result["architectures"]]  # type: ignore[attr-defined]
            names = {*returned, *filter(None, events)}
            problem = request.problem()
            keys = Counter(function_keys(problem, problem.space.parse_many(sorted(names))))
            found.setdefault(distinct, []).append(sum(count - 1 for count in keys.values()))
    return found
