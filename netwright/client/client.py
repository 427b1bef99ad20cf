"""A Python client of the HTTP API: retries what is safe to retry, and raises what the server said.

::

    with Client("http://127.0.0.1:8000") as client:
        bounds = [{"metric": "params_m", "max": 0.5}]
        job = client.design("nasbench201", "cifar10-int8-ptq", constraints=bounds)
        print(job.result()["architectures"][0]["architecture"])
"""

import uuid
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from netwright.client.datasets import Report, upload
from netwright.client.errors import ApiError, JobEnded, ServerUnreachable
from netwright.client.evaluations import EvaluationHandle, claim, work
from netwright.client.jobs import EXPORT_SECONDS, JobHandle, finish
from netwright.client.paths import segment
from netwright.client.search import FIRST, Drive, OnTold, of_function
from netwright.client.sse import JobEvent
from netwright.client.studies import StudyHandle, client_name
from netwright.client.transport import Architecture, Json, Transport
from netwright.client.uploads import packed

__all__ = ["ApiError", "Client", "JobEnded", "JobEvent", "JobHandle", "ServerUnreachable", "StudyHandle"]

BUNDLE_SECONDS = 90.0
UPLOAD_SECONDS = 360.0  # a task is embedded before the answer; 1,000 classes take a core a minute


class Client:
    """Talks to one server.

    Calls that were refused because the server is busy, restarting or out of reach are repeated for a while;
    an order carries an idempotency key, so that a repeated one makes no second job.

    Args:
        base_url: for example ``http://127.0.0.1:8000``.
        timeout: seconds for one call.
        retry_seconds: how long a call that fails for now is repeated before the client gives up.
        transport: how requests are sent; for tests.
        patience: the old name of ``retry_seconds``; goes in 0.3.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout: float = 60.0,
        retry_seconds: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        patience: float | None = None,
    ) -> None:
        if patience is not None:
            warnings.warn("patience is now called retry_seconds", DeprecationWarning, stacklevel=2)
            retry_seconds = patience
        self.transport = Transport(
            base_url, timeout=timeout, retry_seconds=retry_seconds, transport=transport
        )
        self._call = self.transport.call

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self.transport.close()

    # orders
    def design(
        self,
        space: str,
        task: str,
        *,
        constraints: Sequence[Mapping[str, Any]] = (),
        objectives: Sequence[Mapping[str, Any] | str] = (),
        idempotency_key: str | None = None,
        **options: Any,
    ) -> "JobHandle":
        """Orders architectures; returns at once.

        Args:
            space: see :meth:`spaces`.
            task: see :meth:`tasks`.
            constraints: for example ``[{"metric": "params_m", "max": 0.5}]``.
            objectives: the accuracy on the task unless said otherwise; objects, or keys such as
                ``"accuracy@cifar10"``.
            idempotency_key: names this order; a repeated call with it gives the same job.
            options: ``count``, ``evaluations``, ``evaluator``, ``confidence``, ``seed``, ``strategy``,
                ``recipe``, ``resolution``, ``priority``, ``label``.

        Raises:
            ApiError: with the field and the reason, where the order makes no sense.
        """
        order = {"space": space, "task": task, "constraints": list(constraints), **options}
        if objectives:
            order["objectives"] = list(objectives)
        return self.order(order, idempotency_key=idempotency_key)

    def order(self, design: Mapping[str, Any], *, idempotency_key: str | None = None) -> "JobHandle":
        """:meth:`design` with the body as one object."""
        key = idempotency_key or str(uuid.uuid4())
        job = self._call("POST", "/v1/designs", json=dict(design), headers={"Idempotency-Key": key})
        return JobHandle(self.transport, job)

    def batch(
        self,
        designs: Sequence[Mapping[str, Any]] = (),
        *,
        template: Mapping[str, Any] | None = None,
        grid: Mapping[str, Sequence[Any]] | None = None,
        idempotency_key: str | None = None,
    ) -> "JobHandle":
        """Orders up to 1,000 designs as one job, all or none; :meth:`JobHandle.designs` gives each.

        ::

            batch = client.batch(
                template={"space": "nasbench201", "constraints": [{"metric": "params_m", "max": 1}]},
                grid={"task": ["cifar10-fp32", "cifar10-analog"], "constraints[0].max": [0.3, 0.5, 1]},
            )

        Args:
            designs: bodies as :meth:`order` takes them.
            template: instead of ``designs``: a body that all have in common.
            grid: field of the body → the values that it takes; every combination is a design.
            idempotency_key: names this batch; a repeated call with it gives the same job.

        Raises:
            ApiError: with the design and the field, where one of them makes no sense; none is ordered then.
        """
        body: Json = {"designs": [dict(design) for design in designs]} if designs else {}
        body |= {} if template is None else {"template": dict(template)}
        body |= {} if grid is None else {"grid": {name: list(values) for name, values in grid.items()}}
        return self.order_batch(body, idempotency_key=idempotency_key)

    def order_batch(self, batch: Mapping[str, Any], *, idempotency_key: str | None = None) -> "JobHandle":
        """:meth:`batch` with the body as one object."""
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        return JobHandle(self.transport, self._call("POST", "/v1/batches", json=dict(batch), headers=headers))

    def predict(
        self,
        space: str,
        architectures: Sequence[Architecture],
        metrics: Sequence[Mapping[str, Any] | str],
        *,
        kind: str = "auto",
        layout: str = "rows",
        confidence: float = 0.9,
        classes: int | None = None,
        resolution: int | None = None,
    ) -> Json:
        """Predictions for at most 50,000 architectures; ``layout="columns"`` is the faster for many.

        Exact costs are of networks for so many ``classes`` and images of ``resolution`` pixels a side; those
        of the space's own for the quantity's task unless said.
        """
        body = {
            "space": space,
            "architectures": list(architectures),
            "metrics": list(metrics),
            "kind": kind,
            "layout": layout,
            "confidence": confidence,
            "classes": classes,
            "resolution": resolution,
        }
        return self._call("POST", "/v1/predict", json=body)

    def export(
        self,
        space: str,
        architecture: Architecture,
        format: str = "torch",
        *,
        task: str | None = None,
        classes: int | None = None,
        resolution: int | None = None,
        skeleton: str = "full",
    ) -> bytes:
        """A file of any architecture's network: ``torch``, ``onnx``, ``json`` or ``svg``.

        Args:
            space: see :meth:`spaces`.
            architecture: a string, or an object of variables.
            format: of the file.
            task: whose number of classes and version of the network; one of your own too.
            classes: of the network; those of the task unless said.
            resolution: side of its images in pixels; that of the task unless said.
            skeleton: ``full`` or ``small``.

        Raises:
            ApiError: with the field and the reason, where there is no such network.
        """
        body = {
            "space": space,
            "architecture": architecture,
            "format": format,
            "task": task,
            "classes": classes,
            "resolution": resolution,
            "skeleton": skeleton,
        }
        path = "/v1/architectures/export"
        return self.transport.answer("POST", path, json=body, timeout=EXPORT_SECONDS).content

    # predictors of one's own
    def train_predictor(
        self,
        space: str,
        metric: str,
        observations: Sequence[tuple[Architecture, float]],
        *,
        task: str | None = None,
        device: str | None = None,
        kind: str = "auto",
        source: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> "JobHandle":
        """Orders a predictor; ``job["predictor"]`` of the handle, and of what ``wait`` returns, is its id.

        Args:
            observations: architectures and what was measured, in the metric's unit.
            source: what ``kind="precision"`` starts from, for example ``{"task": "cifar10-fp32"}``.

        Raises:
            ApiError: naming the observation that is wrong.
        """
        asked: Json = {"task": task, "device": device, "source": source}
        body: Json = {"space": space, "metric": metric, "kind": kind, "observations": _observed(observations)}
        body |= {name: value for name, value in asked.items() if value is not None}
        key = idempotency_key or str(uuid.uuid4())
        headers = {"Idempotency-Key": key}
        return JobHandle(self.transport, self._call("POST", "/v1/predictors", json=body, headers=headers))

    def observe_predictor(
        self,
        predictor: str,
        observations: Sequence[tuple[Architecture, float]],
        *,
        idempotency_key: str | None = None,
    ) -> Json:
        """Adds observations; the predictor where it has learned them, else the job that will make it."""
        body = {"observations": _observed(observations)}
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        return self._call("POST", f"/v1/predictors/{segment(predictor)}/observe", json=body, headers=headers)

    def predictor(self, predictor: str) -> Json:
        """What a predictor predicts, how well, and by which weights."""
        return self._call("GET", f"/v1/predictors/{segment(predictor)}")

    def predictors(self, space: str | None = None) -> list[Json]:
        """All predictors of one's own, of one space or of all, newest first."""
        asked = {} if space is None else {"space": space}
        return self._all("predictors", lambda found: str(found["id"]), **asked)

    def delete_predictor(self, predictor: str) -> None:
        """Removes a predictor with its observations and weights."""
        self._call("DELETE", f"/v1/predictors/{segment(predictor)}")

    # networks to take away
    def finish(
        self,
        space: str | None = None,
        architecture: Architecture | None = None,
        *,
        job: str | None = None,
        rank: int | None = None,
        dataset: str | None = None,
        start: str | None = None,
        recipe: Mapping[str, Any] | None = None,
        resolution: int | None = None,
        idempotency_key: str | None = None,
        **options: Any,
    ) -> "JobHandle":
        """Orders the training of one architecture on all training images; returns at once.

        ``job["network"]`` of the handle is the network's id, and :meth:`JobHandle.bundle` gives its files.

        Args:
            space, architecture: what is trained; or
            job, rank: the architecture of a design's result.
            dataset: the images; of a design its own unless said.
            start: ``scratch``, ``search`` for the weights that the design trained, or ``pretrained``.
            recipe: such as ``{"epochs": 100}``; what is left out is as the design had it.
            resolution: side of the images in pixels.
            idempotency_key: names this order; a repeated call with it gives the same job.
            options: ``network``, ``seed``, ``priority``, ``label``, ``teacher``.

        Raises:
            ApiError: with the field and the reason, where the order makes no sense.
        """
        order = {
            "space": space,
            "architecture": architecture,
            "job": job,
            "rank": rank,
            "dataset": dataset,
            "start": start,
            "recipe": recipe,
            "resolution": resolution,
            **options,
        }
        return finish(self.transport, order, idempotency_key=idempotency_key)

    def network(self, network: str) -> Json:
        """A network: how its training stands and, once it is trained, its card."""
        return self._call("GET", f"/v1/networks/{segment(network)}")

    def networks(self) -> list[Json]:
        """All networks of one's own, newest first."""
        return self._all("networks", lambda found: str(found["id"]))

    def bundle(self, network: str) -> bytes:
        """The zip of a network's files.

        Raises:
            ApiError: 409 before it is trained.
        """
        path = f"/v1/networks/{segment(network)}/bundle"
        return self.transport.answer("GET", path, timeout=BUNDLE_SECONDS).content

    def delete_network(self, network: str) -> None:
        """Removes a network with its weights and bundle; stops its training."""
        self._call("DELETE", f"/v1/networks/{segment(network)}")

    # studies
    def create_study(
        self,
        space: str,
        task: str | None = None,
        *,
        constraints: Sequence[Mapping[str, Any]] = (),
        objectives: Sequence[Mapping[str, Any] | str] = (),
        client_id: str | None = None,
        idempotency_key: str | None = None,
        **options: Any,
    ) -> StudyHandle:
        """Opens a study, for whoever evaluates for himself.

        Args:
            space, task, constraints, objectives: as in :meth:`design`; tasks and devices may have any name,
                and a declared space its first task.
            client_id: of this loop; by default one of its own.
            idempotency_key: names this study; a repeated call with it gives the same one.
            options: ``strategy``, ``flat``, ``seed``, ``confidence``, ``recipe``, ``resolution``, ``fixed``,
                ``tracked``, ``lease_seconds``.

        Raises:
            ApiError: with the field and the reason, where the study makes no sense.
        """
        body: Json = {"space": space, "constraints": list(constraints), **options}
        body |= {} if task is None else {"task": task}
        if objectives:
            body["objectives"] = list(objectives)
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        return StudyHandle(
            self.transport, self._call("POST", "/v1/studies", json=body, headers=headers), client_id
        )

    def search(
        self,
        space: str | Mapping[str, Any],
        task: str | None = None,
        *,
        objective: Callable[..., Any],
        evaluations: int = 50,
        parallel: int = 1,
        metric: str | None = None,
        client_id: str = "search",
        on_told: OnTold = lambda told, study: None,
        **options: Any,
    ) -> StudyHandle:
        """Searches with a function of one's own, in this process; ``front()`` of the result is the answer.

        ::

            found = client.search("nasbench201", "cifar10", objective=train_and_test, evaluations=50)
            print(found.front()[0])

        Args:
            space: its name, or the declaration of one's own (TOML, or an object).
            task: see :meth:`create_study`.
            objective: takes the choices, ``{variable: choice}``; returns the value of the first objective, or
                quantity → value. What it raises is a failure.
            evaluations: how many.
            parallel: threads that evaluate at the same time.
            metric: the objective; a declared space's first metric, or the accuracy, unless said.
            client_id: of this loop.
            on_told: called with each observation and the study after it.
            options: of :meth:`create_study`; with an ``idempotency_key`` a search that was cut short goes on.

        Raises:
            ApiError: with the field and the reason, where the study makes no sense.
        """
        if isinstance(space, Mapping) or "\n" in space:
            space = str(self.declare_space(space)["name"])
        if metric is not None:
            options.setdefault("objectives", [metric])
        study = self.create_study(space, task, client_id=client_id, **options)
        Drive(study, of_function(objective), evaluations, parallel, on_told).run()
        return study

    def study(self, study: str, *, client_id: str | None = None) -> StudyHandle:
        """The study of an id; with the ``client_id`` of a loop that was cut short, its continuation."""
        return StudyHandle(self.transport, self._call("GET", f"/v1/studies/{segment(study)}"), client_id)

    def studies(self) -> list[Json]:
        """All studies, newest first."""
        return self._all("studies", lambda study: str(study["id"]))

    # evaluations for designs
    def claim_evaluation(self, client_id: str, *, job: str | None = None) -> EvaluationHandle | None:
        """The evaluation that waits longest, of one design or of any; None where none waits."""
        return claim(self.transport, client_id, job)

    def evaluate(
        self,
        function: Callable[..., Any],
        *,
        client_id: str | None = None,
        job: str | None = None,
        idle_seconds: float = 0.0,
    ) -> int:
        """Evaluates what designs with the evaluator ``external`` hand out; returns how many that were.

        Args:
            function: takes the choices, ``{variable: choice}``; returns a number, where one quantity is asked
                for, or quantity → value. What it raises is a failure.
            client_id: of this machine.
            job: a design; any unless said.
            idle_seconds: ends when nothing was there to evaluate for so long.
        """
        by_function = of_function(function)

        def one(evaluation: Json, should_stop: Callable[[], bool]) -> Json:
            told = by_function(evaluation, should_stop)
            if FIRST in told.get("values", {}):
                told["values"] = {next(iter(evaluation["quantities"])): told["values"][FIRST]}
            return told

        name = client_id or client_name()
        return work(self.transport, one, client_id=name, job=job, idle_seconds=idle_seconds)

    # jobs
    def job(self, job_id: str) -> "JobHandle":
        """The job of an id."""
        return JobHandle(self.transport, self._call("GET", f"/v1/jobs/{segment(job_id)}"))

    def jobs(
        self,
        *,
        limit: int = 20,
        after: str | None = None,
        state: str | None = None,
        parent: str | None = None,
    ) -> Json:
        """A page of jobs, newest first: ``{"jobs", "has_more"}``; those of the batch ``parent``."""
        asked = {"limit": limit, "after": after, "state": state, "parent": parent}
        return self._call("GET", "/v1/jobs", params={name: v for name, v in asked.items() if v is not None})

    # what there is
    def spaces(self) -> list[Json]:
        """All spaces, in short."""
        return self._all("spaces", lambda space: str(space["name"]))

    def space(self, name: str) -> Json:
        """A space's variables, metrics, tasks, devices and an example."""
        return self._call("GET", f"/v1/spaces/{segment(name)}")

    def declare_space(self, declaration: str | Mapping[str, Any]) -> Json:
        """Declares a space of one's own, by the text of a TOML file or as an object; see docs/spaces.md."""
        key = "toml" if isinstance(declaration, str) else "declaration"
        body: Json = {key: declaration}
        return self._call("POST", "/v1/spaces", json=body)

    def delete_space(self, name: str) -> None:
        """Removes a space of one's own with its generator."""
        self._call("DELETE", f"/v1/spaces/{segment(name)}")

    def tasks(self) -> list[Json]:
        """All tasks, one's own among them."""
        return self._all("tasks", lambda task: str(task["name"]))

    def task(self, name: str) -> Json:
        """A task: its classes, the spaces that know it, and what was made of one's own."""
        return self._call("GET", f"/v1/tasks/{segment(name)}")

    def add_task(
        self,
        name: str,
        images: str | Path | bytes | None = None,
        *,
        imagenet_classes: Sequence[str] | None = None,
        idempotency_key: str | None = None,
    ) -> Json:
        """Makes a task known by a few images of each class, or as a selection of ImageNet classes.

        Args:
            name: what designs and predictions will call it.
            images: a zip of class folders, an npz with ``x`` and ``y``, a folder of class folders, of which
                a few images each are sent, or the bytes of one of the files.
            imagenet_classes: WordNet ids, instead of images.
            idempotency_key: names this call; a repeated one with it gives the same task.

        Raises:
            ApiError: naming what is wrong with the upload.
            ValueError: for both or neither of images and classes; OSError where they cannot be read.
        """
        if (images is None) == (imagenet_classes is None):
            raise ValueError("give images or imagenet_classes, one of them")
        request: Json = {"headers": {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}}
        request["timeout"] = UPLOAD_SECONDS
        if images is None:
            request["json"] = {"name": name, "imagenet_classes": list(imagenet_classes or ())}
        else:
            content = images if isinstance(images, bytes) else packed(Path(images))
            request |= {"data": {"name": name}, "files": {"file": content}}
        return self._call("POST", "/v1/tasks", **request)

    def delete_task(self, name: str) -> None:
        """Removes a task of one's own; what was ordered for it goes on."""
        self._call("DELETE", f"/v1/tasks/{segment(name)}")

    def add_dataset(self, name: str, path: str | Path, *, on_bytes: Report | None = None) -> JobHandle:
        """Uploads a whole data set to train on; goes on with an upload of the same that was broken off.

        Args:
            name: what designs call it, as their task or as data to train on.
            path: a zip, tar or npz, or a folder of class folders.
            on_bytes: called with the bytes that are there and the bytes of all.

        Returns:
            the job that reads it: wait for it, then ``dataset(name)`` says what is in it

        Raises:
            ApiError: naming what is wrong; OSError where the file cannot be read.
        """
        shown = upload(self.transport, name, Path(path), on_bytes or (lambda _, __: None))
        return self.job(str(shown["job"]))

    def datasets(self) -> list[Json]:
        """Your data sets, by name."""
        return self._all("datasets", lambda dataset: str(dataset["dataset"]))

    def dataset(self, name: str) -> Json:
        """A data set: its state, and what is in it."""
        return self._call("GET", f"/v1/datasets/{segment(name)}")

    def delete_dataset(self, name: str) -> None:
        """Removes a data set; jobs that were ordered for it go on."""
        self._call("DELETE", f"/v1/datasets/{segment(name)}")

    def devices(self, space: str | None = None) -> list[Json]:
        """All devices, of one space or of all."""
        asked = {} if space is None else {"space": space}
        return self._all("devices", lambda device: f"{device['space']}/{device['name']}", **asked)

    def probe(self, space: str, count: int = 10, *, metric: str = "latency_ms") -> list[str]:
        """Architectures to measure on a new device, the most informative first."""
        asked = {"count": count, "metric": metric}
        return list(self._call("GET", f"/v1/spaces/{segment(space)}/probe", params=asked)["architectures"])

    def add_device(
        self,
        name: str,
        space: str,
        measurements: Sequence[tuple[Architecture, float]] = (),
        *,
        metric: str = "latency_ms",
        study: str | None = None,
    ) -> Json:
        """Makes a device known by measurements on it; says how well they predict each other.

        Args:
            study: id of a study, in place of measurements: what it observed of the device joins what the
                device has.

        Raises:
            ApiError: naming the measurement that is wrong.
        """
        rows = [{"architecture": architecture, "value": value} for architecture, value in measurements]
        body = {"name": name, "space": space, "metric": metric, "measurements": rows, "study": study}
        return self._call("POST", "/v1/devices", json=body)

    def delete_device(self, space: str, name: str) -> None:
        """Removes a device of one's own."""
        self._call("DELETE", f"/v1/devices/{segment(name)}", params={"space": space})

    def ready(self) -> bool:
        """Whether the server can accept work now."""
        return self.transport.ready()

    def workers(self) -> int | None:
        """How many workers the server knows of; without any, jobs wait. None where it does not say."""
        return self.transport.workers()

    # inside
    def _all(self, what: str, name: Callable[[Json], str], **asked: str) -> list[Json]:
        entries: list[Json] = []
        while True:
            after = {"after": name(entries[-1])} if entries else {}
            found = self._call("GET", f"/v1/{what}", params={"limit": "100", **asked, **after})
            entries += found[what]
            if not found["has_more"]:
                return entries


def _observed(observations: Sequence[tuple[Architecture, float]]) -> list[Json]:
    return [{"architecture": architecture, "value": value} for architecture, value in observations]
