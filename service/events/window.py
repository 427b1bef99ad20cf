"""A job's latest events as they go over the wire, and how to wait for the next."""

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi.sse import format_sse_event

from service.http.problems import finite
from store.jobs.job import TERMINAL_STATES, Event, StoreError

WINDOW = 64
"""Events of a job that are kept for those who follow it."""
WINDOW_BYTES = 64 * 1024
"""Of a job's window, and of what a client that is behind holds at once; one event may be longer."""


@dataclass(frozen=True, slots=True)
class Frame:
    """An event as it goes over the wire.

    Args:
        id: the event's.
        text: the server-sent event, with the empty line that ends it.
        last: whether it is the job's terminal state, which nothing follows.
    """

    id: int
    text: bytes
    last: bool


def frame_of(event: Event) -> Frame:
    """An event as a frame; numbers that JSON does not know become null."""
    data = {**finite(event.data), "at": event.at.isoformat()}
    text = format_sse_event(data_str=json.dumps(data, allow_nan=False), event=event.kind, id=str(event.id))
    last = event.kind == "state" and event.data["state"] in TERMINAL_STATES
    return Frame(event.id, text, last)


def beginning(frames: Sequence[Frame]) -> Sequence[Frame]:
    """As many of the first frames as one client may hold at once, at least one."""
    size = 0
    for count, frame in enumerate(frames):
        size += len(frame.text)
        if count and size > WINDOW_BYTES:
            return frames[:count]
    return frames


class Channel:
    """A job that is followed: its latest events, and how to wait for the next."""

    def __init__(self) -> None:
        self.followers = 0
        self.head = -1
        """Id of the newest event; -1: not read yet."""
        self.ended = False
        self.closed = False
        self._why: StoreError | None = None
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._news = asyncio.Event()

    async def ready(self) -> None:
        """Returns once the job has been read, or the channel closed because the process ends.

        Raises:
            NotFound, StoreUnavailable: it could not be read.
        """
        while self.head < 0 and not self.closed:
            await self.changed()
        if self._why is not None:
            raise type(self._why)(*self._why.args)

    async def changed(self) -> None:
        """Returns after the next change; never at once, since an event that is set is nobody's any more."""
        await self._news.wait()

    def extend(self, frames: Sequence[Frame]) -> None:
        """Takes the job's newest frames in; they end with its newest event."""
        if self._frames and frames and frames[0].id != self._frames[-1].id + 1:
            self._frames.clear()  # more happened than fits in the window
            self._bytes = 0
        for frame in frames:
            self._frames.append(frame)
            self._bytes += len(frame.text)
            self.ended = self.ended or frame.last
        while len(self._frames) > 1 and (len(self._frames) > WINDOW or self._bytes > WINDOW_BYTES):
            self._bytes -= len(self._frames.popleft().text)
        self.head = self._frames[-1].id if self._frames else 0
        self._tell()

    def since(self, after: int) -> list[Frame] | None:
        """The frames above ``after``; None where some of them are no longer in the window."""
        if self._frames[0].id > after + 1:
            return None
        found: list[Frame] = []
        for frame in reversed(self._frames):
            if frame.id <= after:
                break
            found.append(frame)
        return found[::-1]

    def close(self, why: StoreError | None = None) -> None:
        """Ends all who follow."""
        self.closed, self._why = True, why
        self._tell()

    def _tell(self) -> None:
        waiting, self._news = self._news, asyncio.Event()
        waiting.set()
