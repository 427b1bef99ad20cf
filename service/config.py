"""Settings of the HTTP API; it reads no environment of its own."""

from dataclasses import dataclass, field
from pathlib import Path

from service.http.connections import ConnectionLimits


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """Limits and intervals of one API process.

    Args:
        max_body_bytes: longest JSON body; beyond it 413.
        max_bodies_bytes: of all bodies that are held in memory at the same time; beyond it 503.
        max_upload_bytes: longest multipart body, of a task; beyond it 413.
        max_uploads_bytes: of all uploads that are held on disk at the same time; beyond it 503.
        max_dataset_bytes: of one data set; beyond it 413.
        max_datasets_bytes: of all data sets of a tenant; beyond it 409.
        upload_dir: where they are held; None: the system's folder for temporary files.
        body_seconds: a body must have arrived whole within this time; else 408.
        upload_seconds: the same for a multipart body.
        max_architectures: architectures in one call; beyond it 413.
        science_threads: predictions computed at the same time.
        science_waiting: predictions that may wait for a thread; beyond it 503 with Retry-After. As many
            declarations, measurements and observations may wait for theirs.
        science_seconds: how long a prediction, a device, a probe, a space or a refinement may take, its wait
            for a thread included; beyond it 503 with Retry-After.
        study_processes: processes that work out suggestions.
        study_waiting: suggestions that may wait for a process, and observations that may wait for a thread;
            beyond it 503. Of one study half as many.
        study_seconds: how long a suggestion, an observation or the best of a study may take; beyond it 503.
        study_memory_bytes: of one process that works out suggestions; beyond it 503.
        study_kept_bytes: of memory; a process that holds more after an answer is replaced.
        streams: event streams open at the same time; beyond it 503 with Retry-After.
        streams_per_client: the same for one client address; beyond it 429 with Retry-After.
        stream_threads: reads of the store at the same time by clients of event streams that are behind.
        poll_seconds: how often the store is asked for news, once for all open event streams.
        retry_after_seconds: what Retry-After says where nothing better is known.
        images: folder of image data sets, the same as the workers'; None where there is none.
        hosts: names under which the API may be asked, besides the loopback's and the address it listens on.
        connections: how many connections there may be, and what each may take.
    """

    max_body_bytes: int = 16 * 1024 * 1024
    max_bodies_bytes: int = 128 * 1024 * 1024
    max_upload_bytes: int = 64 * 1024 * 1024
    max_uploads_bytes: int = 256 * 1024 * 1024
    max_dataset_bytes: int = 4 << 30
    max_datasets_bytes: int = 20 << 30
    upload_dir: Path | None = None
    body_seconds: float = 20.0
    upload_seconds: float = 30.0
    max_architectures: int = 50_000
    science_threads: int = 2
    science_waiting: int = 64
    science_seconds: float = 30.0
    study_processes: int = 2
    study_waiting: int = 200
    streams: int = 1_200
    streams_per_client: int = 256
    stream_threads: int = 2
    study_seconds: float = 20.0
    study_memory_bytes: int = 2 << 30
    study_kept_bytes: int = 900 << 20
    poll_seconds: float = 0.2
    retry_after_seconds: int = 2
    images: Path | None = None
    hosts: tuple[str, ...] = ()
    connections: ConnectionLimits = field(default_factory=ConnectionLimits)
