"""Reading a job's events as they come, for many clients at once.

All clients who have seen a job's events up to the same one share one read of the store: a hundred streams of
one job cost as much as one.
"""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import anyio
import anyio.to_thread

from store.job import Event, JobState, StoreUnavailable
from store.port import Store

PAGE = 500

_Key = tuple[str, str, int]


class Feed:
    """Follows jobs in the store.

    Args:
        store: where the events are.
        threads: reads at the same time.
        poll_seconds: how long to wait between reads while nothing happens.
    """

    def __init__(self, store: Store, *, threads: int, poll_seconds: float) -> None:
        self.store = store
        self.poll_seconds = poll_seconds
        self.stopping = False
        """True once the process was asked to end: open streams then close themselves."""
        self._limiter = anyio.CapacityLimiter(threads)
        self._pending: dict[_Key, asyncio.Task[list[Event]]] = {}

    async def follow(self, tenant_id: str, job_id: str, after: int) -> AsyncIterator[Event]:
        """The job's events above ``after``, old ones at once and new ones as they come.

        An ``after`` that the job has not reached replays from the start. Ends after the event of the job's
        terminal state, and early where the store does not answer or the process is asked to end: the client
        then connects again with the last id it saw.
        """
        try:
            if after and not await self._read((tenant_id, job_id, after - 1), limit=1):
                after = 0
            ended = await self._ended(tenant_id, job_id)
            events = await self._read((tenant_id, job_id, after))
            while events or not ended:
                for event in events:
                    yield event
                    after = event.id
                    if event.kind == "state" and JobState(str(event.data["state"])).terminal:
                        return
                if self.stopping:
                    return
                events = await self._news((tenant_id, job_id, after), at_once=len(events) == PAGE)
        except StoreUnavailable:
            return

    async def _news(self, key: _Key, *, at_once: bool) -> list[Event]:
        task = self._pending.get(key)
        if task is None:
            task = asyncio.create_task(self._poll(key, at_once))
            self._pending[key] = task
            task.add_done_callback(lambda _: self._pending.pop(key, None))
        # One client that leaves must not end the read for the others.
        return await asyncio.shield(task)

    async def _poll(self, key: _Key, at_once: bool) -> list[Event]:
        if not at_once:
            await asyncio.sleep(self.poll_seconds)
        return await self._read(key)

    async def _read(self, key: _Key, limit: int = PAGE) -> list[Event]:
        tenant_id, job_id, after = key
        read = partial(self.store.events, job_id, tenant_id=tenant_id, after=after, limit=limit)
        return await anyio.to_thread.run_sync(read, limiter=self._limiter)

    async def _ended(self, tenant_id: str, job_id: str) -> bool:
        read = partial(self.store.job, job_id, tenant_id=tenant_id)
        return (await anyio.to_thread.run_sync(read, limiter=self._limiter)).state.terminal
