"""A study on a server, driven from one's own loop.

::

    with Client("http://127.0.0.1:8000") as client:
        study = client.create_study("nasbench201", "cifar10")
        while study.refresh()["observed"] < 50:
            for architecture in study.suggest():
                try:
                    study.observe(architecture, {"accuracy": train_and_test(architecture)})
                except RuntimeError as error:
                    study.fail(architecture, str(error))
        print(study.refresh()["best"][0])
"""

import socket
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from netwright.client.paths import segment
from netwright.client.transport import Architecture, Json, Transport


def client_name() -> str:
    """A name for one loop: this machine's and a random part."""
    host = "".join(letter for letter in socket.gethostname() if letter.isascii() and letter.isalnum())
    return f"{host[:40]}-{uuid.uuid4().hex[:12]}"


class StudyHandle:
    """One study on a server.

    Args:
        transport: how to reach it.
        study: what the server said of it last.
        client_id: of this loop; one that was cut short and has the same gets its unfinished suggestions back.
    """

    def __init__(self, transport: Transport, study: Json, client_id: str | None = None) -> None:
        self._transport = transport
        self.study = study
        self.client_id = client_id or client_name()
        self.exhausted: str | None = None
        self.suggestions: list[Json] = []
        """What was suggested last, each with its number; of a study that searches recipes too, with the
        ``network`` and the ``recipe`` apart."""

    @property
    def id(self) -> str:
        """The study's id."""
        return str(self.study["id"])

    def refresh(self) -> Json:
        """Asks again where the study stands, and for the ``best`` so far."""
        self.study = self._transport.call("GET", f"/v1/studies/{segment(self.id)}")
        return self.study

    def suggest(self, count: int = 1) -> list[str]:
        """Architectures to evaluate: unfinished ones of this loop first.

        Fewer where no more are left; :attr:`exhausted` then says why.
        """
        body = {"count": count, "client_id": self.client_id}
        answer = self._transport.call("POST", f"/v1/studies/{segment(self.id)}/suggest", json=body)
        self.exhausted, self.suggestions = answer["exhausted"], answer["suggestions"]
        return [str(entry["architecture"]) for entry in answer["suggestions"]]

    def observe(
        self,
        architecture: Architecture,
        values: Mapping[str, float],
        *,
        fidelity: str = "full",
        seconds: float = 0.0,
    ) -> Json:
        """Reports the values of one evaluation, suggested or not.

        Args:
            architecture: what was evaluated.
            values: by quantity key (``accuracy@cifar10``), or by metric where that is clear.
            fidelity: ``full``, or the name of a cheaper evaluation, which informs and ends nothing.
            seconds: what it cost.
        """
        return self.tell(
            [
                {
                    "architecture": architecture,
                    "values": dict(values),
                    "fidelity": fidelity,
                    "seconds": seconds,
                }
            ]
        )

    def fail(self, architecture: Architecture, reason: str) -> Json:
        """Reports that an evaluation failed, and why."""
        return self.tell([{"architecture": architecture, "failed": reason}])

    def tell(self, observations: Sequence[Mapping[str, Any]]) -> Json:
        """Reports many observations at once, all or none."""
        body = {"observations": [dict(observation) for observation in observations]}
        return self._transport.call("POST", f"/v1/studies/{segment(self.id)}/observe", json=body)

    def observations(self) -> list[Json]:
        """All observations, in the order in which they were reported."""
        found: list[Json] = []
        while True:
            after = found[-1]["number"] if found else 0
            asked = {"after": str(after), "limit": "100"}
            page = self._transport.call("GET", f"/v1/studies/{segment(self.id)}/observations", params=asked)
            found += page["observations"]
            if not page["has_more"]:
                return found

    def close(self) -> Json:
        """Closes the study to suggestions; evaluations under way can still be reported."""
        self.study = self._transport.call("POST", f"/v1/studies/{segment(self.id)}/close")
        return self.study

    def delete(self) -> None:
        """Removes the study with all its observations."""
        self._transport.call("DELETE", f"/v1/studies/{segment(self.id)}")
