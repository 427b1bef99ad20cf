"""Whether the broker answers, asked by the API, which otherwise never talks to it."""

from urllib.parse import urlsplit

PING_SECONDS = 1.0


def ping(broker_url: str) -> None:
    """Returns when the broker has answered.

    Raises:
        redis.exceptions.RedisError: it did not, within :data:`PING_SECONDS` for each step.
        ValueError: the URL is of another kind of broker.
    """
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    if urlsplit(broker_url).scheme not in ("redis", "rediss", "unix"):
        raise ValueError("the broker is no Redis or Valkey")
    with redis.Redis.from_url(
        broker_url,
        socket_timeout=PING_SECONDS,
        socket_connect_timeout=PING_SECONDS,
        retry=Retry(NoBackoff(), 0),
    ) as client:
        client.ping()
