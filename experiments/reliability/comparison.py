"""The comparison: every case on both stacks, one row a figure."""

from collections.abc import Sequence
from typing import Any

from experiments.framework.context import Context
from experiments.framework.goal import Goal
from experiments.framework.registry import comparison
from experiments.framework.row import NO_TABLE, Row
from experiments.reliability.case import CASES, Case, Impossible
from experiments.reliability.stack import STACKS, missing
from spaces.registry import import_modules

PROTOCOL = """\
`netwright serve` as a real process: SQLite with the bundled Valkey; PostgreSQL with Redis. Attacks come from
other loopback addresses; meanwhile a second client on 127.0.0.1 asks `/healthz` ten times a second on new
connections and reads the memory of the API process from the kernel. Afterwards the service must answer again.
Short sizes unless `--full`; docs/reliability.md has both."""


def all_cases() -> dict[str, Case]:
    """Every case by its id."""
    import_modules("experiments.reliability.cases")
    return dict(sorted(CASES.items()))


@comparison("reliability", protocol=PROTOCOL, seeds=1, full_seeds=1, alone=True, hours=2.0)
def reliability(context: Context) -> Sequence[Row]:
    """All cases on both stacks. A figure is the worst that was seen in one run; whether the case holds is a
    count, which needs no spread: how many of its figures are beyond their bounds."""
    rows: list[Row] = []
    known = all_cases()
    for number, each in enumerate(known.values()):
        for stack in STACKS:
            context.progress(number, len(known), f"{each.id} {stack}")
            rows += _rows(context, each, stack)
    return rows


def _rows(context: Context, each: Case, stack: str) -> list[Row]:
    reason, found, got = missing(stack), {}, ""
    if reason is None:
        part = f"{each.id} {stack} {'long' if context.full else 'short'}"
        answer: dict[str, Any] = context.once(part, _run, each, stack, context.full)
        reason, found, got = answer.get("reason"), answer.get("figures", {}), answer.get("got", "")
    name, rows = f"{each.id}-{stack}", []
    if reason is None:
        beyond = each.beyond(found)
        rows.append(
            Row.measured(
                f"{name}-beyond",
                float(len(beyond)),
                "figures",
                over="figures",
                statement=f"a count; {', '.join(beyond) or 'none'}. The attacker got: {got}",
                goal="== 0",
                evaluated_on=NO_TABLE,
            )
        )
    else:
        rows.append(Row.absent(f"{name}-beyond", reason, "figures", goal="== 0"))
    for figure, (unit, goal) in each.goals.items():
        bound = f"{unit}, {Goal.parse(goal)}" if goal else unit
        if figure in found:
            rows.append(
                Row.measured(
                    f"{name}-{figure}", found[figure], bound, over="runs", statement="one run's worst"
                )
            )
        else:
            rows.append(Row.absent(f"{name}-{figure}", reason or "not measured", bound))
    return rows


def _run(each: Case, stack: str, full: bool) -> dict[str, object]:
    try:
        return each.run(stack, full).to_dict()
    except Impossible as impossible:
        return {"reason": str(impossible)}
