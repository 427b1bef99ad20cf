"""The mixed hostile load as a row: all attacks at once beside an honest client."""

from experiments.reliability.case import Goals, Measured, case
from experiments.reliability.mixed import OPERATIONS, Mixed, mixed_load

SEED = 12
GOALS: Goals = {
    "honest-failures": ("operations", "== 0"),
    "honest-designs": ("succeeded", ">= 1"),
    **{f"{operation}-p95": ("times calm", "<= 3") for operation in OPERATIONS},
    "violations": ("of invariants", "== 0"),
    "memory": ("times before", "<= 1.1"),
    "descriptors": ("times before", "<= 1.1"),
    "healthz-p99": ("ms", None),
    "api-memory": ("MB", "<= 800"),
    "answers-5xx": ("answers", "== 0"),
}


@case("M1", "all attacks at once beside an honest client", GOALS, attack=False)
def mixed(stack: str, full: bool) -> Measured:
    """20 minutes; the short form is one."""
    seconds, calm = (1200.0, 120.0) if full else (60.0, 40.0)
    return figures(mixed_load(stack, seconds=seconds, calm_seconds=calm, seed=SEED))


def figures(found: Mixed) -> Measured:
    """The figures of a mixed load."""
    errors = sum(
        count
        for answers in found.answers.values()
        for what, count in answers.items()
        if what.startswith("5") and what not in ("503", "507")
    )
    failures = [*found.calm.failures, *found.hostile.failures]
    values = {
        "honest-failures": float(len(failures)),
        "honest-designs": float(len(found.hostile.seconds.get("design", []))),
        **{
            f"{operation}-p95": found.slower(operation)
            for operation in OPERATIONS
            if found.calm.seconds.get(operation) and found.hostile.seconds.get(operation)
        },
        "violations": float(len(found.wrong)),
        "memory": found.memory(),
        "descriptors": found.descriptors(),
        "healthz-p99": found.seen.percentile_ms(99),
        "api-memory": found.seen.api_mb,
        "answers-5xx": float(errors),
    }
    said = [f"seed {found.seed}", *failures[:5], *found.wrong[:5]]
    said += [
        f"{operation} p95 {found.calm.p95(operation):.2f} s, hostile {found.hostile.p95(operation):.2f} s"
        for operation in OPERATIONS
    ]
    said += [f"{name}: {dict(answers)}" for name, answers in found.answers.items()]
    return Measured(values, "; ".join(said))
