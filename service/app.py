"""The HTTP API as one function of its parts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from importlib.metadata import version
from typing import Any

from anyio import CapacityLimiter
from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from starlette.responses import RedirectResponse, Response

from benchmarks.tables import Tables
from service.children.bounded import Bounded, ClientLeft, WatchClients
from service.children.suggest_pool import SuggestPool
from service.config import ServiceConfig
from service.dependencies import Service
from service.events.feed import Feed
from service.http import tus
from service.http.arriving import Arriving
from service.http.body_limit import BodyLimit
from service.http.budget import Budget
from service.http.docs_page import add_docs
from service.http.hosts import HostCheck
from service.http.json_bodies import JsonBodies
from service.http.origins import OriginCheck
from service.http.plain_text import PlainText
from service.http.problems import ProblemBody, add_problem_handlers
from service.http.security_headers import SecurityHeaders
from service.http.store_errors import add_store_handlers
from service.http.stream_limit import StreamLimit
from service.http.temporary import TemporaryFiles
from service.metrics import CountRequests, Metrics
from service.operations.exported import ONNX_SECONDS
from service.operations.models import ModelCache
from service.operations.studies import Studies
from service.operations.study_best import StudyBests
from service.readiness import Check, Readiness
from service.routes import (
    architectures,
    batches,
    datasets,
    designs,
    devices,
    evaluations,
    events,
    export,
    health,
    jobs,
    networks,
    predict,
    predictors,
    probe,
    spaces,
    studies,
    tasks,
)
from store.blobs.blobs import Blobs
from store.blobs.memory import MemoryBlobs
from store.port import WORKER, Store

UPLOAD_SECONDS = 240.0
"""For an upload's task, its wait included: it is read within 20 s and embedded within 160."""
CLIENT_LEFT = 499
"""The status that is counted where nobody reads an answer, as nginx has it."""
DESCRIPTION = """Designs neural-network architectures to order.

POST a task and hardware limits to `/v1/designs`, follow the job, and read architectures with honest
predictions from its result. Errors are `application/problem+json`; each names its field and what would be
right."""


def create_app(
    *,
    store: Store,
    tables: Tables,
    config: ServiceConfig | None = None,
    blobs: Blobs | None = None,
    useful: Mapping[str, Check] | None = None,
) -> FastAPI:
    """The API over a store and tables. Nothing is read from the environment, and no model is loaded yet.

    Args:
        store: where jobs are kept; the caller migrates it before and closes it after.
        tables: measured truth, for what devices there are.
        config: limits; the defaults are those that the documentation states.
        blobs: where trained weights lie, the same as the workers'; None: in this process, for no longer.
        useful: what `/readyz` tries besides database and blobs, without which work is taken and waits.
    """
    config = config or ServiceConfig()
    blobs = blobs or MemoryBlobs()
    app = FastAPI(
        title="Netwright",
        version=version("netwright"),
        description=DESCRIPTION,
        openapi_tags=[
            {"name": name}
            for name in (
                "designs",
                "batches",
                "jobs",
                "evaluations",
                "predict",
                "predictors",
                "networks",
                "studies",
                "spaces",
                "tasks",
                "datasets",
                "devices",
            )
        ],
        generate_unique_id_function=_operation_id,
        # service.http.docs_page adds these.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        # A path with one slash too many is unknown, not a redirect that drops the body.
        redirect_slashes=False,
    )
    metrics = Metrics(store)
    works = app.state.works = _works(config, metrics)
    app.state.service = Service(
        store=store,
        tables=tables,
        config=config,
        metrics=metrics,
        science=works["science"],
        building=works["building"],
        feed=Feed(store, threads=config.stream_threads, poll_seconds=config.poll_seconds),
        readiness=Readiness(
            {"database": store.probe, "blobs": blobs.check},
            useful or {},
            workers=lambda: len(store.roles(WORKER)),
        ),
        stream_limit=StreamLimit(
            most=config.streams,
            most_per_client=config.streams_per_client,
            retry_after_seconds=config.retry_after_seconds,
        ),
        version=app.version,
        blobs=blobs,
        models=ModelCache(blobs),
        temporary=TemporaryFiles(
            config.upload_dir, Budget(config.max_uploads_bytes, largest=config.max_upload_bytes)
        ),
    )
    pool = SuggestPool(
        config.study_processes, memory_bytes=config.study_memory_bytes, kept_bytes=config.study_kept_bytes
    )
    app.state.studies = Studies(
        store, works["suggest"], pool, blobs, most_waiting=max(config.study_waiting // 2, 1)
    )
    app.state.observing = works["observe"]
    app.state.study_bests = StudyBests(store, works["best"], blobs)
    app.state.bodies = JsonBodies(retry_after_seconds=config.retry_after_seconds)
    # ONNX and embeddings need torch, which this process does not load.
    app.state.exports = works["exports"]
    app.state.uploads = works["uploads"]
    app.state.dataset_uploads = asyncio.Semaphore(datasets.AT_ONCE)
    app.state.dataset_arriving = Arriving()
    app.state.dataset_threads = CapacityLimiter(datasets.THREADS)
    for module in (
        designs,
        batches,
        jobs,
        evaluations,
        events,
        export,
        architectures,
        predict,
        predictors,
        networks,
        studies,
        spaces,
        probe,
        tasks,
        datasets,
        devices,
        health,
    ):
        app.include_router(module.router)
    app.add_api_route("/", _root, include_in_schema=False)
    add_docs(app)
    add_problem_handlers(app)
    add_store_handlers(app, config.retry_after_seconds)
    app.add_exception_handler(ClientLeft, _nobody_reads)
    app.add_middleware(WatchClients)
    app.add_middleware(PlainText)
    app.add_middleware(
        BodyLimit,
        max_bytes=config.max_body_bytes,
        seconds=config.body_seconds,
        memory=Budget(config.max_bodies_bytes, largest=config.max_body_bytes),
        uploads={"/v1/tasks": config.max_upload_bytes},
        upload_seconds=config.upload_seconds,
        streams={tus.CONTENT_TYPE: config.max_dataset_bytes},
        retry_after_seconds=config.retry_after_seconds,
    )
    app.add_middleware(OriginCheck)
    app.add_middleware(HostCheck, hosts=config.hosts)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(CountRequests, metrics=metrics)
    _document_problems(app)
    return app


def _operation_id(route: APIRoute) -> str:
    """The name of a route's function as generated clients write it: ``createDesign``."""
    first, *others = route.name.split("_")
    return first + "".join(map(str.capitalize, others))


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.studies.close()


def _works(config: ServiceConfig, metrics: Metrics) -> dict[str, Bounded]:
    """Where bounded work is done: predictions never wait for suggestions, nor for an upload, nor for
    what is declared, measured or observed."""

    def bounded(name: str, threads: int, waiting: int, seconds: float, retry_after_seconds: int) -> Bounded:
        return Bounded(
            threads=threads,
            waiting=waiting,
            seconds=seconds,
            retry_after_seconds=retry_after_seconds,
            on_end=lambda how: metrics.works.labels(name, how).inc(),
        )

    soon = config.retry_after_seconds
    study = config.study_seconds
    return {
        "science": bounded(
            "science", config.science_threads, config.science_waiting, config.science_seconds, soon
        ),
        "building": bounded("building", 1, config.science_waiting, config.science_seconds, soon),
        "suggest": bounded("suggest", config.study_processes, config.study_waiting, study, soon),
        "observe": bounded("observe", 2, config.study_waiting, study, soon),
        "best": bounded("best", 1, config.study_waiting, study, soon),
        "exports": bounded("export", 1, 4, 2 * ONNX_SECONDS, 5),
        "uploads": bounded("upload", 1, 8, UPLOAD_SECONDS, 5),
    }


async def _nobody_reads(_: Request, error: Exception) -> Response:
    return Response(status_code=CLIENT_LEFT)


def _root() -> RedirectResponse:
    return RedirectResponse("/docs")


def _document_problems(app: FastAPI) -> None:
    """Adds the shape of problem documents to the OpenAPI document, where every route refers to it."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            body = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(body.pop("$defs", {}))
            schemas["ProblemBody"] = body
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
