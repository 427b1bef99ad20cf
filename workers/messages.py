"""The one message of the broker, "job X is ready"; nothing else of a message is used.

Whoever reaches the broker may put anything into its list. Celery and kombu take a message apart in several
places (the envelope, its body, the headers with times to wait and calls to make afterwards), and an error in
most of them ends the worker; a worker that starts again takes the next one. So nothing of theirs sees a
message that was not made here: the job's id is read, and what is handed on is written anew around it.
"""

import base64
import json
import uuid
from collections.abc import Mapping

from store.database.ids import is_id

MAX_CHARACTERS = 10_000
"""Of a body; one of ours has some two hundred."""


class Malformed(ValueError):
    """A message that names no job; drop it. A job that waits is sent again by the lease reaper."""


def job_of_message(message: object, task: str) -> str:
    """The id of the job that an envelope names.

    Args:
        message: the envelope as it was read from JSON.
        task: what must be asked for.

    Raises:
        Malformed: it is no envelope, of another task, or its body is not ``[[job id], {}, …]`` in JSON.
    """
    headers, properties = _part(message, "headers"), _part(message, "properties")
    assert isinstance(message, Mapping)
    if headers.get("task") != task:
        raise Malformed("it asks for another task")
    if message.get("content-type") != "application/json":
        raise Malformed("its content is not JSON")
    body = message.get("body")
    if not isinstance(body, str) or len(body) > MAX_CHARACTERS:
        raise Malformed("it has no body, or one that is too long")
    try:
        if properties.get("body_encoding") == "base64":
            body = base64.b64decode(body, validate=True).decode()
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"its body cannot be read: {error}") from None
    if not isinstance(content, list) or len(content) < 2 or content[1] != {}:
        raise Malformed("its body is no list of arguments")
    arguments = content[0]
    if not isinstance(arguments, list) or len(arguments) != 1 or not isinstance(arguments[0], str):
        raise Malformed("its arguments are not one job's id")
    if not is_id(arguments[0]):
        raise Malformed("what it names is written like no job's id")
    return arguments[0]


def message_of(job_id: str, task: str, queue: str) -> dict[str, object]:
    """The envelope that Celery is handed for a job: nothing to wait for, nothing to do afterwards."""
    name = str(uuid.uuid4())
    body = json.dumps([[job_id], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}])
    return {
        "body": base64.b64encode(body.encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": task, "id": name, "root_id": name, "argsrepr": job_id},
        "properties": {
            "correlation_id": name,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": queue},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": name,
        },
    }


def _part(message: object, name: str) -> Mapping[str, object]:
    part = message.get(name) if isinstance(message, Mapping) else None
    if not isinstance(part, Mapping):
        raise Malformed(f"it is no envelope, or has no {name}")
    return part
