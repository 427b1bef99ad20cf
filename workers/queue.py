"""The queue: a Celery app that carries nothing but "job X is ready", as decision 3 says.

The database is the truth: leases, attempts and results live there, so the broker may lose or repeat any
message. What is set here, and why:

- a message leaves the broker when a worker takes it (``ack_emulation`` off): there is no visibility timeout
  that could hand a running job to a second worker, whatever any machine's clock says. What a dead worker had
  in hand the lease reaper sends again;
- Celery counts it as held until the job is done (late acknowledgement, prefetch 1): a busy worker takes no
  second message. With acknowledgements in the broker, one that failed left a worker waiting for ever;
- JSON only, no result backend, no remote control, no gossip: nothing else is read from the broker;
- messages go to the anonymous exchange, straight into the list, so that a wiped broker needs no bindings;
- what is read is checked and written anew before Celery sees it, and what is no message of ours is dropped
  (:mod:`workers.messages`): no content of the broker's list can end a worker;
- every wait for the broker has an end.
"""

import time
from queue import Empty
from typing import Any

import structlog
from celery import Celery
from celery.app.amqp import AMQP
from kombu import Connection, Exchange, Queue
from kombu.exceptions import ChannelError
from kombu.transport import redis as redis_transport

from workers.messages import Malformed, job_of_message, message_of

log = structlog.get_logger(__name__)

QUEUE = "netwright"
TASK = "netwright.run"
SOCKET_SECONDS = 5.0
RECONNECT_SECONDS = 2
"""Longest pause between two attempts to reach the broker."""


REPORT_SECONDS = 1.0
"""Between two lines of the log about messages that were dropped; the count is in each."""


class Dropped:
    """Counts the messages that were dropped, and says so now and then."""

    def __init__(self) -> None:
        self.count = 0
        self._reported_at = -REPORT_SECONDS

    def add(self, why: str) -> None:
        """Counts one more."""
        self.count += 1
        if time.monotonic() - self._reported_at >= REPORT_SECONDS:
            self._reported_at = time.monotonic()
            log.warning("a malformed message is dropped", why=why[:200], dropped=self.count)


DROPPED = Dropped()
"""Of this process."""


class _Channel(redis_transport.Channel):  # type: ignore[misc]
    """Reads messages; whatever comes of one, the next is read.

    The broker has forgotten a message once it is read, and the lease reaper sends again what a job lacks: a
    message may always be dropped.
    """

    def _brpop_read(self, **options: Any) -> Any:
        held = set(self.qos._delivered)
        try:
            return super()._brpop_read(**options)
        except (Empty, *self.connection_errors):
            raise
        except self.ResponseError as error:
            if not str(error).startswith("WRONGTYPE"):
                raise
            DROPPED.add(str(error))
            self._remove_what_is_no_list()
        except Exception as error:
            DROPPED.add(f"{type(error).__name__}: {error}")
            # What is held counts as in hand, and a worker has one in hand at most.
            for tag in set(self.qos._delivered) - held:
                self.qos.ack(tag)
        return True

    def _remove_what_is_no_list(self) -> None:
        """Where something else stands under a queue's name, nobody can send or take a message."""
        with self.conn_or_acquire() as client:
            for queue in self.active_queues:
                for priority in self.priority_steps:
                    key = self._q_for_pri(queue, priority)
                    if client.type(key) not in (b"list", "list", b"none", "none"):
                        client.delete(key)


class _Transport(redis_transport.Transport):  # type: ignore[misc]
    """Hands on messages that are written anew around the job's id."""

    Channel = _Channel

    def _deliver(self, message: object, queue: str) -> None:
        try:
            job_id = job_of_message(message, TASK)
        except Malformed as error:
            DROPPED.add(str(error))
            return
        super()._deliver(message_of(job_id, TASK, QUEUE), queue)


class _EagerConnection(Connection):  # type: ignore[misc]
    """A connection that tries again every two seconds at least; Celery's own pauses grow to thirty."""

    def get_transport_cls(self) -> type[_Transport]:
        return _Transport

    def ensure_connection(self, *args: Any, **options: Any) -> Any:
        options |= {"interval_start": 0.2, "interval_step": 0.4, "interval_max": RECONNECT_SECONDS}
        return super().ensure_connection(*args, **options)


class _EagerAMQP(AMQP):  # type: ignore[misc]
    Connection = _EagerConnection


def make_celery(broker_url: str) -> Celery:
    """The Celery app on a broker; nothing is connected yet.

    Args:
        broker_url: ``redis://[:password@]host:port/0``, ``rediss://…`` or ``redis+socket:///path``.
    """
    app = Celery("netwright", broker=broker_url, amqp=_EagerAMQP, set_as_current=False)
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=False,
        task_default_queue=QUEUE,
        task_queues=[Queue(QUEUE, Exchange("", type="direct"), routing_key=QUEUE)],
        task_create_missing_queues=False,
        worker_prefetch_multiplier=1,
        worker_enable_prefetch_count_reduction=False,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_send_task_events=False,
        broker_connection_retry=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=SOCKET_SECONDS,
        broker_transport_options={
            "ack_emulation": False,
            "socket_timeout": SOCKET_SECONDS,
            "socket_connect_timeout": SOCKET_SECONDS,
            "socket_keepalive": not broker_url.startswith("redis+socket"),
            "health_check_interval": 10,
        },
    )
    return app


class Publisher:
    """Hands messages to the broker over one connection, opened when first needed and again after an error."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._connection: Any = None

    def publish(self, job_id: str) -> None:
        """Returns when the broker has the message.

        Raises:
            OSError and the broker library's errors: it may or may not have it; publish again.
        """
        try:
            producer = self._app.amqp.Producer(self._open(), auto_declare=False)
            self._app.send_task(TASK, args=(job_id,), queue=QUEUE, producer=producer, retry=False)
        except BaseException:
            self.close()
            raise

    def length(self) -> int:
        """How many messages wait in the broker's queue."""
        try:
            declared = self._open().default_channel.queue_declare(queue=QUEUE, passive=True)
            return int(declared.message_count)
        except ChannelError:
            return 0  # an empty list does not exist
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Drops the connection without waiting for the broker."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.collect(socket_timeout=0.1)

    def _open(self) -> Any:
        if self._connection is None:
            self._connection = self._app.connection_for_write()
        return self._connection
