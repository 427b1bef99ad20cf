"""Resumable uploads by the tus protocol, version 1.0.0 (https://tus.io/protocols/resumable-upload).

Its core, creation and termination. A client creates an upload by its length, sends bytes from an offset, and
after a break asks how many are there and goes on. ``curl`` speaks it too.
"""

import base64
import binascii
from collections.abc import Mapping

from search.request.design_request import FieldError
from service.http.problems import Problem, invalid

VERSION = "1.0.0"
EXTENSIONS = "creation,termination"
CONTENT_TYPE = "application/offset+octet-stream"
_MOST_DIGITS = 15


def headers(**more: str) -> dict[str, str]:
    """The headers of every answer; ``upload_offset`` becomes ``Upload-Offset``."""
    named = {"-".join(part.capitalize() for part in name.split("_")): value for name, value in more.items()}
    return {"Tus-Resumable": VERSION, "Cache-Control": "no-store", **named}


def check_version(given: Mapping[str, str]) -> None:
    """Refuses a client that speaks another version.

    Raises:
        Problem: 412.
    """
    if given.get("tus-resumable", VERSION) != VERSION:
        detail = f"uploads go by tus {VERSION}: send the header Tus-Resumable: {VERSION}"
        raise Problem(412, detail, headers={"Tus-Version": VERSION})


def number(given: Mapping[str, str], name: str) -> int:
    """A header that holds a number.

    Raises:
        Problem: 422 that names it.
    """
    text = given.get(name.lower(), "")
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        message = "it is missing" if not text else f"{text[:40]!r} is no number of bytes"
        raise invalid([FieldError(name, message, f"send the header {name} with a number of bytes")])
    return int(text)


def metadata(given: Mapping[str, str]) -> dict[str, str]:
    """What ``Upload-Metadata`` says: names, each with a text in base64.

    Raises:
        Problem: 422.
    """
    found: dict[str, str] = {}
    for pair in given.get("upload-metadata", "").split(","):
        name, _, value = pair.strip().partition(" ")
        if not name:
            continue
        try:
            found[name] = base64.b64decode(value, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            hint = "for example: name cGV0cw==,filename cGV0cy56aXA="
            raise invalid(
                [FieldError("Upload-Metadata", f"{name[:40]} is no text in base64", hint)]
            ) from None
    return found
