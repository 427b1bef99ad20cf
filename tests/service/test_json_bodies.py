"""Large bodies: read where no other request waits, in turns, and no more of them than memory allows."""

import asyncio
import json
import threading
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from pydantic import AfterValidator

from service.http.json_bodies import MAX_AT_WORK, SMALL, JsonBodies
from service.http.problems import Problem, add_problem_handlers
from service.http.strict_json import StrictJSONRoute
from service.schemas.base import Create


def threads_of(body: bytes, bodies: JsonBodies | None = None) -> tuple[httpx.Response, set[int], int]:
    """The answer to a body, the threads in which its schema was asked, and that of the event loop."""
    seen = set()

    def noted(value: str) -> str:
        seen.add(threading.get_ident())
        return value

    class Order(Create):
        name: Annotated[str, AfterValidator(noted)]
        padding: str = ""

    router = APIRouter(route_class=StrictJSONRoute)

    async def take(order: Order) -> dict[str, str]:
        return {"name": order.name}

    take.__annotations__["order"] = Order
    router.add_api_route("/", take, methods=["POST"])
    app = FastAPI()
    app.include_router(router)
    app.state.bodies = bodies or JsonBodies(retry_after_seconds=1)
    add_problem_handlers(app)

    async def post() -> tuple[httpx.Response, int]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answer = await client.post("/", content=body, headers={"Content-Type": "application/json"})
        return answer, threading.get_ident()

    answer, loop = asyncio.run(post())
    return answer, seen, loop


def order(size: int, **more: object) -> bytes:
    return json.dumps({"name": "x", "padding": " " * size} | more).encode()


def test_a_large_body_is_read_and_checked_outside_the_event_loop_and_once():
    answer, seen, loop = threads_of(order(SMALL))
    assert answer.json() == {"name": "x"}
    assert len(seen) == 1 and loop not in seen


@pytest.mark.parametrize("wrong", [{"nme": 1}, {"name": 3}, {"name": float("nan")}, {"padding": "\0"}])
def test_what_is_wrong_with_a_large_body_is_said_as_of_a_small_one(wrong):
    small, _, _ = threads_of(order(0, **wrong))
    large, _, _ = threads_of(order(0, **wrong) + b" " * SMALL)
    assert small.status_code == large.status_code == 422
    assert small.json() == large.json()


def test_bodies_have_their_turns_first_come_first_served():
    async def turns() -> list[str]:
        bodies, came = JsonBodies(retry_after_seconds=1), []

        async def take(name: str, size: int) -> None:
            await bodies.turn(size)
            came.append(name)

        await take("a", MAX_AT_WORK - 2)
        waiting = [asyncio.create_task(take("b", 3))]
        await asyncio.sleep(0)
        waiting.append(asyncio.create_task(take("c", 1)))  # it would fit, but b came first
        await asyncio.sleep(0)
        assert came == ["a"]
        bodies.done(MAX_AT_WORK - 2)
        await asyncio.gather(*waiting)
        return came

    assert asyncio.run(turns()) == ["a", "b", "c"]


def test_a_body_does_not_wait_forever(monkeypatch):
    monkeypatch.setattr("service.http.json_bodies.WAIT_SECONDS", 0.01)

    async def wait() -> None:
        bodies = JsonBodies(retry_after_seconds=1)
        await bodies.turn(MAX_AT_WORK)
        with pytest.raises(Problem) as refused:
            await bodies.turn(1)
        assert refused.value.status_code == 503
        bodies.done(MAX_AT_WORK)
        await bodies.turn(MAX_AT_WORK)

    asyncio.run(wait())


def test_a_wait_that_is_given_up_holds_nothing():
    async def leave() -> None:
        bodies = JsonBodies(retry_after_seconds=1)
        await bodies.turn(MAX_AT_WORK)
        waiting = [asyncio.create_task(bodies.turn(MAX_AT_WORK)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        bodies.done(MAX_AT_WORK)
        waiting[1].cancel()  # in the moment in which its turn comes
        await asyncio.wait_for(waiting[2], 60)
        bodies.done(MAX_AT_WORK)
        await asyncio.wait_for(bodies.turn(MAX_AT_WORK), 60)

    asyncio.run(leave())


def test_an_answered_body_frees_its_turn():
    turns = []

    class Bodies(JsonBodies):
        async def turn(self, count: int) -> None:
            turns.append(count)
            await super().turn(count)

        def done(self, count: int) -> None:
            turns.append(-count)
            super().done(count)

    large = order(SMALL)
    answer, _, _ = threads_of(large, Bodies(retry_after_seconds=1))
    assert answer.status_code == 200
    assert turns == [len(large), -len(large)]
