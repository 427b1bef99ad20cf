"""Evaluation by a command: what is told of each way in which it can end, and what is not run twice."""

import json
import threading
import time

import pytest

from netwright.client.command import Command, Interrupted

SUGGESTION = {"number": 7, "architecture": "width=8|act=relu", "variables": {"width": 8, "act": "relu"}}


def evaluated(tmp_path, command, should_stop=lambda: False, **options):
    return Command(command, tmp_path / "kept", **options).evaluate(SUGGESTION, should_stop)


def test_the_command_reads_the_choices_and_its_last_line_is_the_answer(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        "import json, os\n"
        "chosen = json.loads(os.environ['NETWRIGHT_ARCHITECTURE'])\n"
        "print('epoch 1')\n"
        "print(json.dumps({'f1': chosen['width'] / 2, 'act': chosen['act'], 'good': True}))\n"
    )
    told = evaluated(tmp_path, f"python3 {script}")
    assert (told["architecture"], told["values"]) == ("width=8|act=relu", {"f1": 4.0})
    assert told["seconds"] > 0


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("echo it is full >&2; exit 3", "exit status 3: it is full"),
        ("kill -11 $$", "signal 11"),
        ("echo done", "no JSON: 'done'"),
        ("echo 5", "no JSON object"),
        ("true", "no JSON: ''"),
        ("""echo '{"failed": "it diverged"}'""", "it diverged"),
    ],
)
def test_every_other_end_is_a_failure_with_its_reason(tmp_path, command, said):
    told = evaluated(tmp_path, command)
    assert said in told["failed"] and "values" not in told


def test_after_its_time_it_is_ended_with_all_that_it_started(tmp_path):
    began = time.monotonic()
    told = evaluated(tmp_path, f"(sleep 30; touch {tmp_path}/late) & sleep 30", seconds=0.5)
    assert "had not ended" in told["failed"] and time.monotonic() - began < 25
    left = [line for line in _commands() if "sleep 30" in line and str(tmp_path) in line]
    assert left == []


def test_what_failed_runs_again_so_often_and_what_had_ended_does_not(tmp_path):
    count = tmp_path / "count"
    command = f"""echo x >> {count}; [ $(wc -l < {count}) -gt 2 ] && echo '{{"f1": 1}}'"""
    assert "failed" in evaluated(tmp_path, command, retries=1)
    assert count.read_text().count("x") == 2
    # The search goes on: the two attempts that had ended stay ended, the third is run.
    assert evaluated(tmp_path, command, retries=2)["values"] == {"f1": 1.0}
    assert evaluated(tmp_path, command, retries=2)["values"] == {"f1": 1.0}
    assert count.read_text().count("x") == 3


def test_a_search_that_stops_ends_its_command_and_tells_nothing(tmp_path):
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    with pytest.raises(Interrupted):
        evaluated(tmp_path, f"sleep 40; touch {tmp_path}/late", should_stop=stop.is_set)
    assert not (tmp_path / "kept" / "000007-1" / "ended").exists()
    assert evaluated(tmp_path, "echo " + json.dumps(json.dumps({"f1": 2})))["values"] == {"f1": 2.0}


def _commands():
    from pathlib import Path

    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found
