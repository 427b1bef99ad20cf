"""Forms with files: parts of a multipart body, each file written to disk as it arrives."""

from typing import BinaryIO, cast

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from service.http.budget import client_in
from service.http.problems import Problem
from service.http.temporary import TemporaryFiles


async def read_form(request: Request, temporary: TemporaryFiles) -> FormData:
    """The parts of a form; close it, which gives the room back that its files take.

    Raises:
        Problem: 400 where it is no form, or names a charset by which its parts are no text; 503 where uploads
            hold too much together.
        OSError: ENOSPC where the disk is full.
    """
    parser = _Parser(request.headers, request.stream(), max_files=2, max_fields=8, max_part_size=4096)
    parser.temporary, parser.client = temporary, client_in(request.scope)
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise Problem(400, error.message) from None
    except UnicodeError:
        raise Problem(400, "the form cannot be read by the charset that it names; send UTF-8") from None


class _Parser(MultiPartParser):
    """Starlette's parser, with files that are counted instead of a megabyte of memory for each."""

    temporary: TemporaryFiles
    client: str

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        part = self._current_part
        if part.file is None:
            return
        self._files_to_close_on_error.pop().close()
        held = self.temporary.hold(self.client)
        self._files_to_close_on_error.append(held)  # type: ignore[arg-type]
        file = cast(BinaryIO, held)
        part.file = UploadFile(file, size=0, filename=part.file.filename, headers=part.file.headers)
