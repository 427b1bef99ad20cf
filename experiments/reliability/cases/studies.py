"""L10: studies of the greatest size allowed, and many clients that ask them."""

from dataclasses import replace

from experiments.reliability import studies
from experiments.reliability.case import Measured, case, measured
from experiments.reliability.drill import drill
from experiments.reliability.stack import serving
from experiments.reliability.target import Answers, Target


def crowd(target: Target, observations: int, readers: int, seconds: float) -> Answers:
    """Suggestions, readers and askers that leave, one after the other, each with large studies of its own."""
    size = studies.OBJECTIVES
    answers = studies.suggestions_of_a_large_study(target, observations=observations, objectives=size)
    answers.update(
        studies.readers_of_a_large_study(target, observations=observations, objectives=size, readers=readers)
    )
    left = studies.askers_that_leave(target, observations=observations, objectives=size, seconds=seconds)
    left["left"] = left.pop("silent", 0)
    answers.update(left)
    return answers


@case(
    "L10",
    "studies of many observations and eight objectives",
    {"other-study": ("s", "<= 2"), "other-study-refused": ("answers", "== 0")},
)
def large(stack: str, full: bool) -> Measured:
    """10,000 observations, 20 readers, 20 s of askers that leave; the short form has 1,000, 8 and 5 s."""
    observations, readers, seconds = (10_000, 20, 20.0) if full else (1_000, 8, 5.0)
    met: list[studies.Others] = []

    def attack(target: Target) -> Answers:
        with studies.another_study(replace(target, source="127.0.0.1")) as other:
            met.append(other)
            return crowd(target, observations, readers, seconds)

    with serving(stack, workers=0) as served:
        done = drill(served, attack)
    (other,) = met
    refused = sum(count for what, count in other.answers.items() if not what.startswith("2"))
    return measured(done, other_study=max(other.seconds), other_study_refused=float(refused))
