"""Reading jobs' events as they come, for many clients at once.

One task reads for all clients. At each tick one query gives the newest event id of every followed job, and
the task reads the new events. A window keeps each job's latest events, and each client has a position in it.
Clients wait for an :class:`asyncio.Event` that is replaced before it is set, so that a wait always suspends
until the next news. A client that lags behind the window reads from the store itself. No client affects
another, also when it leaves.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TypeVar

import anyio
import anyio.to_thread

from service.events.window import WINDOW, Channel, Frame, beginning, frame_of
from store.jobs.job import NotFound, StoreError, StoreUnavailable
from store.port import Store

STALLED_SECONDS = 1.0
"""How long a client that does not read may delay the end of the process."""

_Key = tuple[str, str]
_log = logging.getLogger(__name__)
T = TypeVar("T")


class Feed:
    """Follows jobs in the store; used from one event loop.

    Args:
        store: where the events are.
        threads: reads at the same time by clients that are behind.
        poll_seconds: how long to wait between looks for news.
    """

    def __init__(self, store: Store, *, threads: int, poll_seconds: float) -> None:
        self.store = store
        self.poll_seconds = poll_seconds
        self._stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._channels: dict[_Key, Channel] = {}
        self._streams: set[anyio.CancelScope] = set()
        self._unread = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        # The reads for all do not queue behind those of single clients.
        self._news_limiter, self._replay_limiter = anyio.CapacityLimiter(1), anyio.CapacityLimiter(threads)

    async def check(self, tenant_id: str, job_id: str) -> None:
        """Returns once the job has been found.

        Raises:
            NotFound: no such job, or another tenant's.
            StoreUnavailable: the store does not answer.
        """
        channel = self._channel((tenant_id, job_id))
        channel.followers += 1
        try:
            await channel.ready()
        finally:
            channel.followers -= 1

    @contextmanager
    def follow(
        self, tenant_id: str, job_id: str, after: int, stream: anyio.CancelScope
    ) -> Iterator["Follower"]:
        """A client's place in a job's events, which it has inside the block.

        Args:
            after: id of the last event that the client has seen; one that the job has not reached replays
                from the start.
            stream: is cancelled where the process ends and the client does not take what it is sent.
        """
        channel = self._channel((tenant_id, job_id))
        channel.followers += 1
        self._streams.add(stream)
        try:
            yield Follower(self, (tenant_id, job_id), channel, after)
        finally:
            channel.followers -= 1
            self._streams.discard(stream)

    def stop(self) -> None:
        """Ends all streams; called from any thread, or by a signal, when the process is asked to end."""
        self._stopping = True
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._close_all)

    async def read(self, call: Callable[[], T]) -> T:
        """A client's own read, in one of few threads."""
        return await anyio.to_thread.run_sync(call, limiter=self._replay_limiter)

    def _close_all(self) -> None:
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()
        self._unread.set()
        asyncio.get_running_loop().call_later(STALLED_SECONDS, self._cut_off)

    def _cut_off(self) -> None:
        for stream in list(self._streams):
            stream.cancel()

    def _channel(self, key: _Key) -> "Channel":
        channel = self._channels.get(key)
        if channel is None:
            channel = Channel()
            if self._stopping:
                channel.close()
                return channel
            self._channels[key] = channel
            self._unread.set()
            self._loop = asyncio.get_running_loop()
            if self._watching is None or self._watching.done():
                self._watching = self._loop.create_task(self._watch(), name="feed")
        return channel

    async def _watch(self) -> None:
        """Reads for all clients until nobody follows a job."""
        loop = asyncio.get_running_loop()
        due = loop.time() + self.poll_seconds
        while self._channels:
            if loop.time() >= due:
                for key in [key for key, channel in self._channels.items() if not channel.followers]:
                    # Whoever has just learned that the job exists gets a new one.
                    self._channels.pop(key).close()
                self._unread.clear()
                await self._look(dict(self._channels))
                due = loop.time() + self.poll_seconds
            elif self._unread.is_set():
                self._unread.clear()
                await self._look({k: channel for k, channel in self._channels.items() if channel.head < 0})
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(due):
                        await self._unread.wait()

    async def _look(self, channels: Mapping[_Key, "Channel"]) -> None:
        known = {key: channel.head for key, channel in channels.items()}
        try:
            news = await anyio.to_thread.run_sync(self._news, known, limiter=self._news_limiter)
        except Exception as error:
            if not isinstance(error, StoreError):
                _log.exception("events cannot be read")
            for key, channel in channels.items():
                self._drop(key, channel, StoreUnavailable(str(error)))
            return
        for key, frames in news.items():
            if frames is None:
                self._drop(key, channels[key], NotFound(f"there is no job {key[1]!r}"))
            else:
                channels[key].extend(frames)

    def _drop(self, key: _Key, channel: "Channel", why: StoreError) -> None:
        channel.close(why)
        if self._channels.get(key) is channel:
            del self._channels[key]

    def _news(self, known: Mapping[_Key, int]) -> dict[_Key, list[Frame] | None]:
        """The latest frames of the jobs that went on beyond what is known; None for one that is not there."""
        newest = self.store.last_events(known)
        news: dict[_Key, list[Frame] | None] = {key: None for key in known if key not in newest}
        for key, event_id in newest.items():
            if event_id > known[key]:
                news[key] = self.frames(key, max(known[key], event_id - WINDOW, 0))
        return news

    def frames(self, key: _Key, after: int) -> list[Frame] | None:
        """A job's next frames from the store, as many as a window holds at most; None: no such job."""
        tenant_id, job_id = key
        try:
            events = self.store.events(job_id, tenant_id=tenant_id, after=after, limit=WINDOW)
        except NotFound:
            return None
        return [frame_of(event) for event in events]


class Follower:
    """One client's place in a job's events."""

    def __init__(self, feed: Feed, key: _Key, channel: "Channel", after: int) -> None:
        self._feed = feed
        self._key = key
        self._channel = channel
        self._after = after
        self._placed = False

    async def next(self) -> Sequence[Frame]:
        """The events that come next, at least one; none where the stream is at its end.

        The stream ends after the job's terminal state. It ends earlier where the store does not answer, the
        job is gone or the process shuts down: the client then connects again with the last id that it saw. A
        cancelled call skips no event.
        """
        try:
            if not self._placed:
                await self._place()
            frames = await self._next()
        except (NotFound, StoreUnavailable):
            return ()
        if frames:
            self._after = frames[-1].id
        return frames

    async def _place(self) -> None:
        await self._channel.ready()
        if self._after > self._channel.head:
            # Another process may have sent the client what this one has not read yet.
            newest = await self._feed.read(lambda: self._feed.store.last_events([self._key]))
            if self._after > newest.get(self._key, 0):
                self._after = 0
        self._placed = True

    async def _next(self) -> Sequence[Frame]:
        channel = self._channel
        while not channel.closed:
            if channel.head > self._after:
                frames = channel.since(self._after)
                return await self._behind() if frames is None else frames
            if channel.ended:
                break
            await channel.changed()
        return ()

    async def _behind(self) -> Sequence[Frame]:
        after = self._after
        frames = await self._feed.read(lambda: self._feed.frames(self._key, after))
        return () if frames is None else beginning(frames)
