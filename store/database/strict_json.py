"""JSON as the standard has it: no NaN, no infinities; the same text for the same content."""

import hashlib
import json
from collections.abc import Mapping

from spaces.metric import Observation
from store.jobs.job import InvalidJson


def dump(content: Mapping[str, object]) -> str:
    """The JSON text of an object, pure ASCII (a database's text columns refuse some characters).

    Raises:
        InvalidJson: for NaN, infinities, and what JSON does not know.

    >>> dump({"a": [1, None, "é"]})
    '{"a":[1,null,"\\\\u00e9"]}'
    >>> dump({"a": float("nan")})
    Traceback (most recent call last):
        ...
    store.jobs.job.InvalidJson: Out of range float values are not JSON compliant...
    """
    try:
        return json.dumps(content, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidJson(str(error)) from None


def load(text: str) -> dict[str, object]:
    """What :func:`dump` wrote."""
    content: dict[str, object] = json.loads(text)
    return content


def digest(content: Mapping[str, object]) -> str:
    """SHA-256 of the content, the same whatever the order of its keys.

    Raises:
        InvalidJson: as :func:`dump`.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    """
    canonical = json.dumps(load(dump(content)), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def check_observation(observation: Observation) -> None:
    """Refuses a measured value that cannot be stored and given back as it was.

    Raises:
        InvalidJson: a value, the seconds or the details are not finite or no JSON, or a name holds a NUL or
            half a character.
    """
    dump({"values": observation.values, "seconds": observation.seconds, "details": observation.details})
    for text in (observation.architecture, observation.fidelity, observation.source):
        if not is_storable(text):
            raise InvalidJson(f"{text!r} holds characters that cannot be stored")


def is_storable(text: str) -> bool:
    """Whether every database keeps a text and gives it back: it has no NUL and no half of a character.

    >>> is_storable("é"), is_storable("a\\x00b"), is_storable(chr(0xD800))
    (True, False, False)
    """
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def clean(text: str, limit: int = 2000) -> str:
    """Text that every database accepts: no NUL, no lone surrogates, at most ``limit`` characters.

    >>> clean("a\\x00b" + chr(0xD800))
    'a�b?'
    """
    printable = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    printable = printable.encode("utf-8", "replace").decode("utf-8")
    return printable if len(printable) <= limit else printable[: limit - 1] + "…"
