"""Orders over the real HTTP API, and waiting for them."""

import time
from collections.abc import Mapping
from typing import Any

import httpx

POLL_SECONDS = 1.0


class Served:
    """A running service.

    Args:
        url: where its API answers.
    """

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=120)

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """What a POST answers.

        Raises:
            HTTPStatusError: it was refused.
        """
        return self._checked(self._http.post(path, json=dict(body))).json()

    def get(self, path: str, **parameters: Any) -> Any:
        """What a GET answers, as JSON."""
        return self._checked(self._http.get(path, params=parameters)).json()

    def bundle(self, network: str) -> bytes:
        """The zip of a finished network."""
        return self._checked(self._http.get(f"/v1/networks/{network}/bundle")).content

    def result(self, job: str) -> Any:
        """What a job gives, once it has ended.

        Raises:
            RuntimeError: it gave nothing.
        """
        while (found := self.get(f"/v1/jobs/{job}"))["finished_at"] is None:
            time.sleep(POLL_SECONDS)
        if found["state"] != "succeeded":
            raise RuntimeError(f"the job {found['state']}: {found['reason']}")
        return self.get(f"/v1/jobs/{job}/result")

    @staticmethod
    def _checked(answer: httpx.Response) -> httpx.Response:
        if answer.is_error:
            raise RuntimeError(f"{answer.request.url}: {answer.status_code} {answer.text[:300]}")
        return answer
