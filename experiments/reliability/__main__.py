"""``python -m experiments.reliability``: single rows, and the mixed load for as long as one likes.

::

    python -m experiments.reliability X12 L8 --full
    python -m experiments.reliability mixed --stack postgresql-redis --minutes 20 --seed 7
"""

import argparse
import sys

from experiments.framework.goal import Goal
from experiments.reliability.case import Impossible, Measured
from experiments.reliability.cases.mixed import SEED, figures
from experiments.reliability.comparison import all_cases
from experiments.reliability.mixed import mixed_load
from experiments.reliability.stack import STACKS, missing


def main(arguments: list[str]) -> int:
    """Runs what is asked for; status 1 where a goal is not met."""
    parser = argparse.ArgumentParser(prog="python -m experiments.reliability", description=__doc__)
    parser.add_argument("rows", nargs="*", help="ids of rows, or mixed; none: all rows")
    parser.add_argument("--stack", choices=STACKS, action="append", help="one stack; both unless said")
    parser.add_argument("--full", action="store_true", help="the long form")
    parser.add_argument("--minutes", type=float, default=1.0, help="of the mixed load")
    parser.add_argument("--seed", type=int, default=SEED, help="of the mixed load")
    asked = parser.parse_args(arguments)
    cases = all_cases()
    failed = False
    for id in asked.rows or list(cases):
        for stack in asked.stack or STACKS:
            if (reason := missing(stack)) is not None:
                print(f"{id} {stack}: not run, {reason}")
                continue
            try:
                if id == "mixed":
                    calm = min(60 * asked.minutes, 90.0)
                    found = mixed_load(stack, seconds=60 * asked.minutes, calm_seconds=calm, seed=asked.seed)
                    measured, goals = figures(found), cases["M1"].goals
                else:
                    measured, goals = cases[id].run(stack, asked.full), cases[id].goals
            except Impossible as impossible:
                print(f"{id} {stack}: not run, {impossible}")
                continue
            failed |= not _show(id, stack, measured, {name: goal for name, (_, goal) in goals.items()})
    return 1 if failed else 0


def _show(id: str, stack: str, measured: Measured, goals: dict[str, str | None]) -> bool:
    """Prints the figures; whether all goals are met."""
    holds = True
    print(f"{id} {stack}: {measured.got}")
    for name, value in measured.figures.items():
        goal = goals.get(name)
        met = goal is None or Goal.parse(goal).met(value)
        holds &= met
        print(
            f"  {'ok  ' if met else 'FAIL'} {name} {value:.4g}{f' (goal {goal})' if goal else ''}", flush=True
        )
    return holds


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
