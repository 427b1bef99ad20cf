"""The stopwatch on a clock of the test's own: bursts do not bend the value, unrest shows in the spread."""

import itertools

import pytest

from networks.latency import stopwatch
from networks.latency.machine import EnergyMeter, about_machine, cores, pinned
from networks.latency.stopwatch import measure


class Machine:
    """A clock that only runs while something runs; each run takes what ``taken`` says."""

    def __init__(self, taken, disturbed=lambda number: False):
        self.now, self.number, self.switches = 0.0, 0, 0
        self.taken, self.disturbed = taken, disturbed

    def run(self):
        self.number += 1
        self.now += self.taken(self.number) / 1e3
        self.switches += self.disturbed(self.number)

    def measure(self, monkeypatch, **options):
        monkeypatch.setattr(stopwatch, "clock", lambda: self.now)
        monkeypatch.setattr(stopwatch, "involuntary_switches", lambda: self.switches)
        monkeypatch.setattr(stopwatch.time, "sleep", lambda seconds: None)
        return measure(self.run, **{"seconds": 1.0, "blocks": 10} | options)


def test_a_calm_machine_gives_its_time_and_no_spread(monkeypatch):
    timing = Machine(lambda number: 2.0).measure(monkeypatch)
    assert timing.value == pytest.approx(2.0) and timing.spread == pytest.approx(0.0, abs=1e-9)
    assert timing.quartiles == pytest.approx((2.0, 2.0, 2.0)) and timing.calm_share == 1.0
    assert timing.runs >= 500 and len(timing.medians) == 10


def test_a_burst_over_most_of_the_time_does_not_bend_the_value(monkeypatch):
    timing = Machine(lambda number: 2.0 if number < 120 else 7.0).measure(monkeypatch)
    assert timing.value == pytest.approx(2.0) and timing.quartiles[1] == pytest.approx(2.0, abs=5.1)


def test_runs_that_lost_the_core_are_set_aside_but_stay_in_the_quartiles(monkeypatch):
    machine = Machine(lambda number: 30.0 if number % 2 else 2.0, lambda number: number % 2 == 1)
    timing = machine.measure(monkeypatch)
    assert timing.value == pytest.approx(2.0) and timing.quartiles[2] == pytest.approx(30.0)
    assert timing.calm_share == pytest.approx(0.5, abs=0.1) and timing.spread == pytest.approx(0, abs=1e-9)


def test_a_machine_that_is_never_calm_says_so(monkeypatch):
    times = itertools.cycle([2.0, 3.0, 5.0, 9.0, 4.0, 7.0, 11.0])
    steps = [next(times) * (1 + number // 60) for number in range(5000)]
    timing = Machine(lambda number: steps[number], lambda number: True).measure(monkeypatch)
    assert timing.calm_share == 0.0 and timing.spread > 0.05


def test_it_stops_between_blocks(monkeypatch):
    asked = itertools.count()
    machine = Machine(lambda number: 2.0)
    assert machine.measure(monkeypatch, should_stop=lambda: next(asked) >= 3) is None
    assert next(asked) == 4


def test_it_ends_though_nothing_is_ever_calm(monkeypatch):
    machine = Machine(lambda number: 400.0, lambda number: True)
    timing = machine.measure(monkeypatch)
    assert machine.now < 60 and timing.value == pytest.approx(400.0)


def test_energy_is_read_from_counters_that_may_begin_anew(tmp_path):
    for name, used in (("intel-rapl:0", 900), ("intel-rapl:0:0", 5), ("intel-rapl:1", 100), ("other", 1)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text(f"{used}\n")
        (tmp_path / name / "max_energy_range_uj").write_text("1000\n")
    meter = EnergyMeter(tmp_path)
    before = meter.read()
    assert meter.works and before == [900, 100]
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("200\n")
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("400\n")
    assert meter.spent(before, meter.read()) == pytest.approx(600e-6)
    assert not EnergyMeter(tmp_path / "absent").works


def test_pinning_is_undone_and_the_machine_is_named():
    before = cores()
    with pinned(before[:1]):
        assert cores() == before[:1]
    assert cores() == before
    about = about_machine()
    assert about["cpu"] and about["cores"] == len(before) and about["onnxruntime"]
