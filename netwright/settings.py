"""Settings, read once at the top from ``NETWRIGHT_*`` and passed down; no room below reads them."""

import re
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from spaces.names import NAME
from store.jobs.place import QUEUES

PREFIX = "NETWRIGHT_"


class Settings(BaseSettings):
    """All that can be set from outside; each field is an environment variable with the prefix.

    >>> Settings(database_url="postgresql+psycopg://me:secret@db/netwright").redacted()["database_url"]
    'postgresql+psycopg://me:***@db/netwright'
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", env_ignore_empty=True, populate_by_name=True
    )

    data: Path | None = None
    """Folder of benchmark tables that are not in packages; None: only those from packages."""
    images: Path | None = None
    """Folder of image data sets that the ``training`` evaluator may use, by name."""
    cache_dir: Path = Path("~/.cache/netwright")
    """Where tables are cached as plain arrays."""
    data_dir: Path = Path("netwright-data")
    """What the embedded stack keeps: the SQLite file, blobs, the lock."""
    database_url: str | None = None
    """``postgresql+psycopg://…``, or ``sqlite:///path``; None: a SQLite file in ``data_dir``."""
    broker_url: str | None = None
    """``redis://…``; None: the embedded stack starts a Valkey server."""
    blob_url: str | None = None
    """Where blobs live; None: a folder in ``data_dir``."""
    host: str = "127.0.0.1"
    open_access: bool = False
    """Whether the API may listen where others than this machine reach it, though it asks for no keys."""
    port: int = Field(default=8000, ge=0, le=65535)
    """0: a free port."""
    listen_fd: int | None = Field(default=None, ge=3)
    """A listening socket that `serve` hands to its API, so that the address stays taken while it restarts."""
    hosts: str = ""
    """Further names under which the API may be asked, with commas between; ``*`` for all."""
    max_connections: int = Field(default=4096, ge=16)
    """Connections that the API holds at once; fewer where it may not have so many descriptors."""
    max_connections_per_client: int = Field(default=512, ge=8)
    """Of these, from one address."""
    upload_dir: Path | None = None
    """Where uploads are held while they are read; None: a folder in ``data_dir``."""
    upload_mb: int = Field(default=256, ge=64)
    """What all uploads may hold there at the same time, in MiB."""
    workers: int = Field(default=2, ge=0, le=256)
    streams: int = Field(default=1_200, ge=1)
    """Event streams that one API process keeps open at the same time."""
    streams_per_client: int = Field(default=256, ge=1)
    """The same for one client address; all clients behind one proxy have one address."""
    device: str = "auto"
    """Where workers train, and run the networks of generators: ``cpu`` or ``cuda``; ``auto``: trainings on
    ``cuda`` where torch has it, all else on the CPU."""
    queues: str = ""
    """What a worker takes, with commas between: kinds of jobs, ``training``, labels of orders; all without
    labels unless set."""
    process_name: str | None = None
    """Of a relay or worker process, unique among all; None: made from host and process."""
    study_seconds: float = Field(default=20.0, gt=0)
    """How long a suggestion or an observation of a study may take; beyond it the answer is 503."""
    lease_seconds: float = Field(default=30.0, gt=0)
    """A worker that is silent for this long has lost its job."""
    stall_seconds: float = Field(default=900.0, gt=0)
    """A handler that shows no sign of progress for this long is given up, and its job failed."""
    drain_seconds: float = Field(default=8.0, gt=0)
    """How long a worker that must stop waits for the evaluation at hand."""
    cancel_seconds: float = Field(default=3.0, gt=0)
    """How long the step at hand may take once its job is cancelled."""
    relay_poll_seconds: float = Field(default=0.05, gt=0)
    reaper_poll_seconds: float = Field(
        default=1.0,
        gt=0,
        validation_alias=AliasChoices("NETWRIGHT_REAPER_POLL_SECONDS", "NETWRIGHT_KEEPER_POLL_SECONDS"),
    )
    collect_seconds: float = Field(default=3600.0, ge=0)
    """How often blobs that no row names are looked for; 0: never."""
    blob_grace_seconds: float = Field(default=3600.0, gt=0)
    """How long such a blob stays, and how long again where it can still be had back."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["auto", "console", "json"] = "auto"

    @field_validator("data", "images", "cache_dir", "data_dir", "upload_dir")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return None if path is None else path.expanduser().absolute()

    @field_validator("queues")
    @classmethod
    def _queues(cls, names: str) -> str:
        for name in filter(None, (name.strip() for name in names.split(","))):
            if not NAME.fullmatch(name):
                known = ", ".join(QUEUES)
                raise ValueError(f"{name[:40]!r} is no kind of job and no label; kinds are {known}")
        return names

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, level: object) -> object:
        return level.upper() if isinstance(level, str) else level

    @property
    def store_url(self) -> str:
        """The database that is used: the one that is set, or the SQLite file in ``data_dir``."""
        return self.database_url or f"sqlite:///{self.data_dir / 'netwright.db'}"

    @property
    def host_names(self) -> tuple[str, ...]:
        """The names under which the API may be asked, besides the loopback's and its own address.

        >>> Settings(host="0.0.0.0", hosts="api.example.org, *.lan").host_names
        ('0.0.0.0', 'api.example.org', '*.lan')
        """
        return (self.host, *(name.strip() for name in self.hosts.split(",") if name.strip()))

    @property
    def blob_folder_url(self) -> str:
        """Where blobs are kept: what is set, or a folder in ``data_dir``."""
        return self.blob_url or (self.data_dir / "blobs").as_uri()

    def environment(self) -> dict[str, str]:
        """The same settings as environment variables, for child processes."""
        values = self.model_dump(mode="json", exclude_none=True)
        return {PREFIX + name.upper(): str(value) for name, value in values.items()}

    def redacted(self) -> dict[str, object]:
        """What may be printed: no passwords."""
        values = self.model_dump(mode="json")
        for name, value in values.items():
            if name.endswith("_url") and isinstance(value, str):
                values[name] = redact(value)
        return values

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.redacted().items())})"

    __str__ = __repr__


def redact(url: str) -> str:
    """A URL whose password is three stars.

    >>> redact("redis://:secret@10.0.0.1:6379/0")
    'redis://:***@10.0.0.1:6379/0'
    >>> redact("sqlite:////data/netwright.db")
    'sqlite:////data/netwright.db'
    >>> redact("postgresql://db/netwright?user=me&password=secret")
    'postgresql://db/netwright?user=me&password=***'
    """
    url = re.sub(r"(?i)([?&][^=&]*password[^=&]*=)[^&#]*", r"\1***", url)
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        return "***"
    if not password:
        return url
    user, _, host = parts.netloc.rpartition("@")
    user = user.partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='%')}:***@{host}"))
