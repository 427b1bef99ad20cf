"""A design under a bound on a device that someone measured."""

import numpy as np

from predictors.devices.measured import MeasuredDevice
from predictors.devices.shipped import load
from search.design import run_design
from search.request.design_request import DesignRequest, parse_request
from spaces.known import get_space

CELLS = get_space("nasbench201")


def truth(codes) -> np.ndarray:
    """A board that no table has: between two of the tables' devices."""
    known = load("nasbench201").known
    relative = known.relative(codes)[:, [known.names.index("fpga"), known.names.index("titanx_1")]]
    return np.maximum(3 * relative.mean(axis=1), 0.1)


def test_what_is_returned_keeps_the_bound_on_the_measured_device(tables):
    cells = load("nasbench201").probe(12)
    pairs = zip(CELLS.format(cells), truth(cells).tolist(), strict=True)
    board = MeasuredDevice("nasbench201", "board", "latency_ms", tuple(pairs))
    bound = float(np.quantile(truth(CELLS.enumerate()), 0.3))
    order = {
        "space": "nasbench201",
        "task": "cifar10-int8-ptq",
        "constraints": [{"metric": "latency_ms", "device": "board", "max": bound}],
        "count": 10,
    }
    request = DesignRequest.from_dict(parse_request(order, [board]).to_dict())
    outcome = run_design(request, tables=tables)
    assert outcome.state == "succeeded"
    rows = outcome.result["architectures"]
    codes = CELLS.parse_many(row["architecture"] for row in rows)
    assert (truth(codes) <= bound).mean() >= 0.9
    assert rows[0]["metrics"]["latency_ms@board"]["source"] == "predicted"
    assert outcome.result["models"]["latency_ms@board"] == board.predictor().digest()
