"""Spaces from declarations: two of them pass the suite; what is wrong with others is said, with its line."""

from pathlib import Path

from spaces.declared import declare
from spaces.testing import conformance

EXAMPLE = (Path(__file__).parents[2] / "examples" / "transformer_encoder.toml").read_text(encoding="utf-8")
BRANCHES = """
name = "branches"
[variables]
kind = ["sum", "mix"]
wide = [true, false]
rate = [0.1, 0.5]
branch = { choices = ["conv", "pool", "skip"], repeat = 3, active = "kind == 'mix' or i < 3" }
[[rules]]
require = "sum(i in 1..2, branch[i] == 'skip') < 2"
message = "two skips"
[costs]
cost_area = { formula = "match(kind, 'sum': 2, else: 3) * rate + if(wide, 1, 0)", unit = "mm2" }
[graph]
edges = ["input -> wide -> branch[*] -> kind -> rate -> output", "wide -> rate"]
"""

TestTransformerEncoder = conformance(declare(EXAMPLE).name)
TestBranches = conformance(declare(BRANCHES).name)
