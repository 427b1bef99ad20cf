"""A package of plug-ins: installed, listed, held to the conformance suites, used in a design over HTTP."""

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples" / "plugins"
NAMES = {
    "netwright.predictors": "ridge",
    "netwright.strategies": "screened",
    "netwright.spaces": "pocket",
    "netwright.evaluators": "linear_probe",
    "netwright.proxies": "logsynflow",
}
PATIENCE = 300
"""Seconds after which something hangs."""


class Installed:
    """An environment with everything that this one has, and the example package."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = shutil.copytree(
            EXAMPLES, folder / "plugins", ignore=shutil.ignore_patterns("*.egg-info")
        )
        venv.create(folder / "venv", with_pip=False)
        self.python = folder / "venv" / "bin" / "python"
        program = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
        site = self.run("-c", program).stdout.strip()
        Path(site, "parent.pth").write_text("\n".join(path for path in sys.path if path) + "\n")
        offline = ("--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
        command = [sys.executable, "-m", "pip", "--python", str(self.python), "install", "--quiet", *offline]
        subprocess.run([*command, "-e", str(self.package)], check=True, timeout=PATIENCE)

    def environment(self, **more: str) -> dict[str, str]:
        return {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", **more}

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.python, *command],
            capture_output=True,
            text=True,
            env=self.environment(**more),
            cwd=self.folder,
            timeout=PATIENCE,
        )

    def netwright(self, *command: str, **more: str) -> str:
        done = self.run("-m", "netwright", *command, **more)
        assert done.returncode in (0, 1), done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return Installed(tmp_path_factory.mktemp("plugins"))


def test_doctor_names_every_plug_in_and_its_package(installed):
    findings = json.loads(installed.netwright("doctor", "--json"))["findings"]
    found = {finding["what"]: finding for finding in findings}
    for group, name in NAMES.items():
        finding = found[f"{group} {name}"]
        assert finding["ok"] is True and finding["detail"] == "netwright-examples 1.0"


@pytest.mark.parametrize(
    ("command", "names"),
    [
        (("design",), ("screened", "pocket", "linear_probe")),
        (("studies", "create"), ("screened",)),
        (("predictors", "train"), ("ridge",)),
        (("train", "scores"), ("logsynflow",)),
    ],
)
def test_help_names_the_choices(installed, command, names):
    text = installed.netwright(*command, "--help")
    assert all(name in text for name in names), text


def test_each_passes_the_suite_of_its_kind(installed):
    done = installed.run("-m", "pytest", "-q", "-p", "no:cacheprovider", str(installed.package / "tests"))
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def server(installed):
    """A running ``netwright serve`` of the environment."""
    sys.path.insert(0, str(EXAMPLES / "tests"))
    try:
        import stripes
    finally:
        sys.path.pop(0)
    folder = installed.folder
    environment = installed.environment(
        NETWRIGHT_DATA_DIR=str(folder / "data"),
        NETWRIGHT_CACHE_DIR=str(folder / "cache"),
        NETWRIGHT_IMAGES=str(stripes.write(folder / "images")),
    )
    command = [installed.python, "-m", "netwright", "serve", "--port", "0", "--workers", "1"]
    with (folder / "stderr").open("wb") as sink:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=sink, env=environment, text=True, cwd=folder
        )
    line = process.stdout.readline()
    assert line.startswith("Netwright is ready at "), (folder / "stderr").read_text()
    with httpx.Client(base_url=line.split()[-1], timeout=PATIENCE) as http:
        yield http
    process.terminate()
    process.wait(PATIENCE)
    process.stdout.close()


def result_of(http, answer):
    """What came of a job, told by its own stream of events, which ends with it."""
    assert answer.status_code == 202, answer.text
    job = answer.json()
    with http.stream("GET", job["urls"]["events"]) as events:
        for _ in events.iter_lines():
            pass
    ended = http.get(job["urls"]["self"]).json()
    assert ended["state"] == "succeeded", ended
    return http.get(job["urls"]["result"]).json()


def test_the_api_enumerates_them(server):
    assert "pocket" in [space["name"] for space in server.get("/v1/spaces").json()["spaces"]]
    space = server.get("/v1/spaces/pocket").json()
    assert space["size"] == 1296 and space["tasks"] == ["stripes"]
    task = server.get("/v1/tasks/stripes").json()
    assert task["classes"] == 4 and task["spaces"] == ["pocket"]
    schemas = server.get("/openapi.json").json()["components"]["schemas"]
    design, predictor = schemas["DesignCreate"]["properties"], schemas["PredictorCreate"]["properties"]
    assert "screened" in design["strategy"]["enum"]
    assert "linear_probe" in design["evaluator"]["description"]
    assert "pocket" in design["space"]["description"]
    assert "ridge" in predictor["kind"]["enum"]


def test_a_design_uses_space_strategy_evaluator_and_proxy(server):
    order = {
        "space": "pocket",
        "task": "stripes",
        "constraints": [{"metric": "params_m", "max": 0.01}],
        "count": 2,
        "evaluations": 6,
        "strategy": "screened",
        "evaluator": "linear_probe",
        "evaluator_options": {"linear_probe": {"images": 200}},
    }
    result = result_of(server, server.post("/v1/designs", json=order))
    assert result["evaluated"] == 6 and len(result["architectures"]) == 2
    for row in result["architectures"]:
        assert row["metrics"]["params_m"]["mean"] <= 0.01
        accuracy = row["metrics"]["accuracy@stripes"]
        assert accuracy["source"] == "measured" and accuracy["mean"] > 50  # four classes
        assert row["evaluation"]["linear_probe"]["images"] == 200


def test_a_predictor_of_the_kind_is_trained_and_asked(server):
    names = [f"k{k}w{w}|k3w8|k3w8|k3w{v}" for k in (3, 5) for w in (8, 16, 24) for v in (8, 16, 24)]
    observations = [{"architecture": name, "value": 50 + row} for row, name in enumerate(names)]
    body = {"space": "pocket", "metric": "accuracy", "task": "stripes", "kind": "ridge"}
    made = server.post("/v1/predictors", json=body | {"observations": observations[:12]})
    assert result_of(server, made)["kind"] == "ridge"
    predictor = made.json()["predictor"]
    more = server.post(f"/v1/predictors/{predictor}/observe", json={"observations": observations[12:]})
    assert more.status_code == 200, more.text  # learned inline, as the class says
    metric = {"metric": "accuracy", "task": "stripes"}
    asked = {"space": "pocket", "metrics": [metric], "kind": "ridge", "architectures": names}
    answer = server.post("/v1/predict", json=asked).json()
    predicted = [row["accuracy@stripes"]["mean"] for row in answer["predictions"]]
    assert predicted[-1] > predicted[0]


def test_a_space_without_images_or_strategy_is_refused_by_name(server):
    order = {"space": "gnn", "task": "cora", "evaluations": 2, "evaluator": "table", "strategy": "screened"}
    answer = server.post("/v1/designs", json=order)
    assert answer.status_code == 422
    assert answer.json()["errors"][0] | {"hint": ""} == {
        "field": "strategy",
        "message": "gnn has no networks",
        "hint": "",
    }


def test_one_that_does_not_load_stops_nothing_and_is_named(installed):
    folder = installed.folder / "broken"
    information = folder / "broken_things-0.1.dist-info"
    information.mkdir(parents=True)
    (folder / "broken_things.py").write_text("import no_such_package\n")
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-things\nVersion: 0.1\n")
    declared = "".join(f"[{group}]\nbroken = broken_things\n" for group in NAMES)
    (information / "entry_points.txt").write_text(declared)
    findings = json.loads(installed.netwright("doctor", "--json", PYTHONPATH=str(folder)))["findings"]
    found = {finding["what"]: finding for finding in findings}
    for group, name in NAMES.items():
        broken = found[f"{group} broken"]
        assert broken["ok"] is False and "broken-things 0.1" in broken["detail"]
        assert "No module named 'no_such_package'" in broken["detail"]
        assert found[f"{group} {name}"]["ok"] is True
    listed = json.loads(installed.netwright("spaces", "list", "--json", PYTHONPATH=str(folder)))["spaces"]
    assert {"pocket", "nasbench201"} <= {space["name"] for space in listed}
    assert "broken" not in {space["name"] for space in listed}
