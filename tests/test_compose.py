"""``docker-compose.yml``: its rules, and its services' own commands and environment as plain processes.

There is no container here: names of hosts, ports and folders become those of this machine, and nothing else
changes.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from netwright import Client
from tests.servers import _end_with_parent, _unprivileged, free_port, postgres_folder

ROOT = Path(__file__).parents[1]
FILE = ROOT / "docker-compose.yml"
TEXT = FILE.read_text(encoding="utf-8")
SECRETS = {"POSTGRES_PASSWORD": "hush1", "REDIS_PASSWORD": "hush2"}
OURS = ("api", "relay", "worker")
SERVICES = ("postgres", "redis", *OURS)
PINNED = re.compile(r"[a-z/]+:\d+\.\d+(\.\d+)?(-[a-z]+)*")


class Unset(Exception):
    """A variable without which the file must not be used."""


def interpolate(text, variables):
    """``$$``, ``${NAME:?message}`` and ``${NAME:-default}``, as Compose reads them."""

    def value(match):
        if match[0] == "$$":
            return "$"
        assert match["name"], f"not a form that the file should use: {text}"
        known = variables.get(match["name"], "")
        if not known and match["how"] == "?":
            raise Unset(f"{match['name']}: {match['rest']}")
        return known or match["rest"]

    return re.sub(r"\$\$|\$\{(?P<name>\w+):(?P<how>[?-])(?P<rest>[^}]*)\}|\$", value, text)


def read(variables):
    """The file with its variables filled in."""

    def fill(node):
        if isinstance(node, dict):
            return {key: fill(item) for key, item in node.items()}
        if isinstance(node, list):
            return [fill(item) for item in node]
        return interpolate(node, variables) if isinstance(node, str) else node

    return fill(yaml.safe_load(TEXT))


@pytest.fixture(scope="module")
def services():
    return read(SECRETS)["services"]


# rules
def test_the_services_are_those_that_the_documentation_names(services):
    assert set(services) == set(SERVICES)
    assert [services[name]["command"] for name in OURS] == [["netwright", name] for name in OURS]


@pytest.mark.parametrize("secret", SECRETS)
def test_without_a_secret_the_file_says_what_is_missing(secret):
    with pytest.raises(Unset, match=f"{secret}: set {secret}"):
        read({name: value for name, value in SECRETS.items() if name != secret})


def test_no_secret_is_written_down(services):
    for line in TEXT.splitlines():
        if "PASSWORD" in line and not line.lstrip().startswith("#"):
            assert re.search(r"\$\{\w+_PASSWORD:\?|\$\$REDIS_PASSWORD", line), line
    for service in services.values():
        assert not any(value in str(service["command"]) for value in SECRETS.values())


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_unprivileged_and_watched(services, name):
    service = services[name]
    assert PINNED.fullmatch(service["image"]), service["image"]
    assert str(service["user"]).partition(":")[0] not in ("", "0", "root")
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    for other, how in service.get("depends_on", {}).items():
        assert how == {"condition": "service_healthy"}
        assert "healthcheck" in services[other]


def test_what_keeps_state_has_a_volume_and_only_the_api_is_reached_from_outside(services):
    volumes = read(SECRETS)["volumes"]
    mounts = {mount for name in SERVICES for mount in services[name]["volumes"]}
    # "${SETTING:-volume}:/path:ro" is a folder of the machine's where the setting names one.
    named = {re.sub(r"^\$\{\w+:-(\w+)\}", r"\1", mount).partition(":")[0] for mount in mounts}
    assert named == set(volumes)
    assert {name for name in SERVICES if services[name].get("ports")} == {"api"}
    assert services["api"]["ports"] == ["127.0.0.1:8000:8000"]


def test_the_broker_appends_evicts_nothing_and_wants_its_password(services):
    command = " ".join(services["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    assert "requirepass $REDIS_PASSWORD" in command


def test_workers_can_be_scaled_and_have_time_to_hand_back(services):
    worker = services["worker"]
    assert "container_name" not in worker and "ports" not in worker and "hostname" not in worker
    assert "NETWRIGHT_PROCESS_NAME" not in worker["environment"]
    assert float(worker["stop_grace_period"].removesuffix("s")) > 8 + 5
    assert "postgres" in worker["depends_on"] and "redis" in worker["depends_on"]


def test_our_services_share_one_database_broker_and_place_of_blobs(services):
    for variable in ("NETWRIGHT_DATABASE_URL", "NETWRIGHT_BROKER_URL", "NETWRIGHT_BLOB_URL"):
        assert len({services[name]["environment"][variable] for name in OURS}) == 1


def test_every_variable_of_ours_is_a_setting(services):
    from netwright.settings import PREFIX, Settings

    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in OURS:
        named = {key for key in services[name]["environment"] if key.startswith(PREFIX)}
        assert named <= known


def test_the_image_is_pinned_and_not_root():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    images = re.findall(r"^FROM (\S+)", text, flags=re.MULTILINE)
    assert images and all(PINNED.fullmatch(image) and image.startswith("python:3.11.") for image in images)
    (user,) = re.findall(r"^USER (\S+)", text, flags=re.MULTILINE)
    assert user == yaml.safe_load(TEXT)["x-netwright"]["user"] == "10001:10001"
    assert "-c constraints.txt" in text and "torch==2.13.0" in text
    assert "HEALTHCHECK" in text
    assert re.search(r"^torch==2\.13\.0$", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE)


def test_the_image_is_built_from_every_room_and_nothing_else():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    rooms = {name.removesuffix("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    lines = (ROOT / ".dockerignore").read_text().split()
    allowed = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert allowed == rooms | {"pyproject.toml", "constraints.txt", "README.md"}


def compose():
    """Docker's own reader of such files, as a plugin or on its own; None where there is neither."""
    docker = shutil.which("docker")
    if (
        docker is not None
        and subprocess.run([docker, "compose", "version"], capture_output=True).returncode == 0
    ):
        return [docker, "compose"]
    alone = shutil.which("docker-compose")
    return None if alone is None else [alone]


def test_the_docker_client_reads_the_file():
    client = compose()
    if client is None:
        pytest.skip("neither docker compose nor docker-compose is installed here")
    command = [*client, "--file", str(FILE), "config", "--quiet"]
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(command, capture_output=True, text=True, env=environment | SECRETS)
    assert done.returncode == 0, done.stderr
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode != 0 and "set POSTGRES_PASSWORD" in done.stderr


# the services' commands, as plain processes
class Deployment:
    """The file's services on this machine: own ports and folders instead of hosts and volumes."""

    def __init__(self, services, folder, programs):
        self.folder, self.programs = folder, programs
        self.ports = {"5432": free_port(), "6379": free_port(), "8000": free_port()}
        for name in ("postgres", "redis", "data"):
            (folder / name).mkdir()
        self.services = {name: self._moved(name, service) for name, service in services.items()}
        self.processes = {}

    def _moved(self, name, node):
        if isinstance(node, dict):
            return {key: self._moved(name, item) for key, item in node.items()}
        if isinstance(node, list):
            return [self._moved(name, item) for item in node]
        if not isinstance(node, str):
            return node
        for host, port in (("postgres", "5432"), ("redis", "6379")):
            node = node.replace(f"@{host}:{port}", f"@127.0.0.1:{self.ports[port]}")
        for port, free in self.ports.items():
            node = re.sub(rf"(?<![\d]){port}(?!\d)", str(free), node)
        own = self.folder / ("redis" if name == "redis" else "data")
        for mounted in ("/tables", "/images"):  # empty where nobody names a folder
            node = node.replace(mounted, str(self.folder / "data" / mounted[1:])) if node == mounted else node
        return re.sub(r"(?<![\w.])/data\b", str(own), node).replace("0.0.0.0", "127.0.0.1")

    def environment(self, name):
        """What the file gives the service, and a path to its program: nothing of ours."""
        path = [Path(sys.executable).parent, self.programs, "/usr/local/bin", "/usr/bin", "/bin"]
        return {**self.services[name]["environment"], "PATH": ":".join(map(str, path))}

    def create_database(self):
        """What the image's own start script does: an empty database with a password."""
        variables, who = self.environment("postgres"), _unprivileged()
        data, secret = self.folder / "postgres" / "data", self.folder / "postgres" / "secret"
        secret.write_text(variables["POSTGRES_PASSWORD"])
        if who:
            self.folder.chmod(0o711)
            for path in (self.folder / "postgres", secret):
                os.chown(path, who["user"], who["group"])
        options = {"env": variables, "cwd": self.folder / "postgres", "stdout": subprocess.DEVNULL, **who}
        command = ["initdb", "-D", data, "-U", variables["POSTGRES_USER"], "--pwfile", secret, "-N"]
        command += ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C"]
        subprocess.run([self.programs / command[0], *command[1:]], check=True, **options)
        # A database cannot be created without a server: the one-user mode is that for a moment.
        single = [self.programs / "postgres", "--single", "-D", data, "postgres"]
        order = f'CREATE DATABASE "{variables["POSTGRES_DB"]}"\n'.encode()
        subprocess.run(single, input=order, check=True, stderr=subprocess.DEVNULL, **options)

    def start(self, name, number=1):
        command, options = self.services[name]["command"], {}
        if name == "postgres":
            where = self.folder / "postgres"
            command = [
                *command,
                "-D",
                where / "data",
                "-p",
                self.ports["5432"],
                "-h",
                "127.0.0.1",
                "-k",
                where,
            ]
            options = _unprivileged()
        environment = self.environment(name)
        program = shutil.which(str(command[0]), path=environment["PATH"])
        assert program is not None, command[0]
        with (self.folder / f"{name}-{number}.log").open("wb") as log:
            self.processes[f"{name}-{number}"] = subprocess.Popen(
                [program, *map(str, command[1:])],
                env=environment,
                cwd=self.folder / ("postgres" if name == "postgres" else "data"),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                preexec_fn=_end_with_parent,
                **options,
            )

    def healthy(self, name):
        """Runs the service's own health check."""
        how, *test = self.services[name]["healthcheck"]["test"]
        command = ["sh", "-c", *test] if how == "CMD-SHELL" else test
        done = subprocess.run(
            command, env=self.environment(name), capture_output=True, text=True, cwd=self.folder / "data"
        )
        return done.returncode == 0

    def wait_until_healthy(self, name, seconds=90):
        deadline = time.monotonic() + seconds
        while not self.healthy(name):
            assert time.monotonic() < deadline, self.said()
            for process_name, process in self.processes.items():
                assert process.poll() is None, f"{process_name} has ended\n{self.said()}"
            time.sleep(0.2)

    def said(self):
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"{path.name}: {path.read_text(errors='replace')[-1500:]}" for path in logs)

    def stop(self):
        """As Compose does: what depends on others first, each with SIGTERM and then some time."""
        statuses = {}
        for name in [*[n for n in self.processes if n.partition("-")[0] in OURS], "redis-1", "postgres-1"]:
            process = self.processes.get(name)
            if process is None:
                continue
            if process.poll() is None:
                # A postgres that is told SIGTERM waits for its clients; the image says SIGINT.
                process.send_signal(signal.SIGINT if name == "postgres-1" else signal.SIGTERM)
            try:
                statuses[name] = process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                statuses[name] = "had to be killed"
        return statuses


@pytest.fixture(scope="module")
def deployment(services, tmp_path_factory):
    """All services, two workers, each started when those it depends on are healthy."""
    programs = postgres_folder()
    if programs is None:
        pytest.skip("PostgreSQL is not installed here")
    if shutil.which("redis-server") is None or shutil.which("redis-cli") is None:
        pytest.skip("redis-server and redis-cli are not installed here")
    # Not below pytest's folders: PostgreSQL's user may not enter those.
    folder = Path(subprocess.run(["mktemp", "-d"], check=True, capture_output=True, text=True).stdout.strip())
    running = Deployment(services, folder, programs)
    try:
        running.create_database()
        started = []
        while len(started) < len(SERVICES):
            name = next(
                n
                for n in SERVICES
                if n not in started and set(services[n].get("depends_on", ())) <= set(started)
            )
            running.start(name)
            if name == "worker":
                running.start(name, 2)
            running.wait_until_healthy(name)
            started.append(name)
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_design_runs_through_the_services_as_the_file_starts_them(deployment):
    url = f"http://127.0.0.1:{deployment.ports['8000']}"
    with Client(url) as client:
        job = client.design(
            "nasbench201",
            "cifar10-int8-ptq",
            constraints=[{"metric": "params_m", "max": 0.5}],
            count=3,
            evaluations=6,
            evaluator="table",
        )
        result = job.result()
    assert job.state == "succeeded", deployment.said()
    assert result["evaluated"] == 6
    assert len(result["architectures"]) == 3
    assert all(row["metrics"]["params_m"]["mean"] <= 0.5 for row in result["architectures"])
    # It was the file's PostgreSQL and Redis that did it: nothing else was started, no SQLite file was made.
    assert not list((deployment.folder / "data").rglob("*.db"))
    assert list((deployment.folder / "redis" / "appendonlydir").glob("*.aof"))
    logs = deployment.said()
    assert not any(secret in logs for secret in SECRETS.values())


def test_the_health_checks_tell_the_well_from_the_unwell(deployment):
    for name in SERVICES:
        assert deployment.healthy(name), name
    elsewhere = dict(deployment.services["api"]["environment"])
    deployment.services["api"]["environment"]["NETWRIGHT_PORT"] = str(free_port())
    assert not deployment.healthy("api")
    deployment.services["api"]["environment"] = elsewhere
    worker = deployment.services["worker"]["environment"]
    worker["NETWRIGHT_PROCESS_NAME"] = "nobody"
    assert not deployment.healthy("worker")
    del worker["NETWRIGHT_PROCESS_NAME"]


def test_the_broker_refuses_who_has_no_password(deployment):
    command = ["redis-cli", "-p", str(deployment.ports["6379"]), "ping"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "NOAUTH" in done.stdout + done.stderr


def test_every_service_ends_when_it_is_told_to(deployment):
    """The last test of these services: afterwards nothing of them runs."""
    statuses = deployment.stop()
    assert set(statuses) == {*(f"{name}-1" for name in SERVICES), "worker-2"}
    assert set(statuses.values()) == {0}, (statuses, deployment.said())
