"""The queue: a Celery app that carries nothing but "job X is ready", as the measured traps demand.

The database is the truth: leases, attempts and results live there, so the broker may lose or repeat any
message. What is set here, and why:

- a message leaves the broker when a worker takes it (``ack_emulation`` off): there is no visibility timeout
  that could hand a running job to a second worker, whatever any machine's clock says. What a dead worker had
  in hand the keeper sends again;
- Celery counts it as held until the job is done (late acknowledgement, prefetch 1): a busy worker takes no
  second message. With acknowledgements in the broker, one that failed left a worker waiting for ever;
- JSON only, no result backend, no remote control, no gossip: nothing else is read from the broker;
- messages go to the anonymous exchange, straight into the list, so that a wiped broker needs no bindings;
- every wait for the broker has an end.
"""

from typing import Any

from celery import Celery
from celery.app.amqp import AMQP
from kombu import Connection, Exchange, Queue
from kombu.exceptions import ChannelError

QUEUE = "netwright"
TASK = "netwright.run"
SOCKET_SECONDS = 5.0
RECONNECT_SECONDS = 2
"""Longest pause between two attempts to reach the broker."""


class _EagerConnection(Connection):  # type: ignore[misc]
    """A connection that tries again every two seconds at least; Celery's own pauses grow to thirty."""

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
