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
from netwright.client.study_files import from_csv, from_optuna, to_csv, to_pandas
from netwright.client.transport import Architecture, Json, Transport

AT_ONCE = 1000
"""Observations of one call, where many are imported."""


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

    def beside(self, client_id: str) -> "StudyHandle":
        """The same study for another loop."""
        return StudyHandle(self._transport, self.study, client_id)

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

    def enqueue(self, architectures: Sequence[Architecture]) -> list[str]:
        """Has architectures suggested before anything new; those that were suggested or told are left out."""
        body = {"architectures": list(architectures)}
        return list(self._post("enqueue", body)["queued"])

    def release(self, architectures: Sequence[Architecture] | None = None) -> list[str]:
        """Gives this loop's suggestions back, those named or all: the next other client gets them."""
        body: Json = {"client_id": self.client_id}
        if architectures is not None:
            body["architectures"] = list(architectures)
        return list(self._post("release", body)["released"])

    def change(self, **change: Any) -> Json:
        """Changes the open study: ``constraints``, ``fixed``, ``tracked``, ``lease_seconds``.

        Raises:
            ApiError: with the field and the reason; 409 where the study is closed.
        """
        self.study = self._transport.call("PATCH", f"/v1/studies/{segment(self.id)}", json=change)
        return self.study

    def front(self) -> list[Json]:
        """Everything observed within the bounds that no other observed architecture beats."""
        return list(self._transport.call("GET", f"/v1/studies/{segment(self.id)}/front")["front"])

    def observe(
        self,
        architecture: Architecture,
        values: Mapping[str, float],
        *,
        fidelity: str = "full",
        seconds: float = 0.0,
        std: Mapping[str, float] | None = None,
        run: str | None = None,
    ) -> Json:
        """Tells what an evaluation brought, suggested or not; the rest of its values may come later.

        Args:
            architecture: what was evaluated.
            values: by quantity key (``accuracy@cifar10``), or by metric where that is clear.
            fidelity: ``full``, or the name of a cheaper evaluation, which informs and ends nothing.
            seconds: what it cost.
            std: standard deviations of values, by the same names.
            run: which of several measurements it is; without it, other values are another one.
        """
        item: Json = {
            "architecture": architecture,
            "values": dict(values),
            "fidelity": fidelity,
            "seconds": seconds,
        }
        item |= {} if std is None else {"std": dict(std)}
        return self.tell([item | ({} if run is None else {"run": run})])

    def report(self, architecture: Architecture, step: int, values: Mapping[str, float]) -> bool:
        """Reports intermediate values; whether the evaluation should end now, by the study's ``stopping``."""
        body: Json = {"architecture": architecture, "step": step, "values": dict(values)}
        return bool(self._post("report", body | {"client_id": self.client_id})["should_stop"])

    def fail(self, architecture: Architecture, reason: str) -> Json:
        """Reports that an evaluation failed, and why."""
        return self.tell([{"architecture": architecture, "failed": reason}])

    def tell(self, observations: Sequence[Mapping[str, Any]]) -> Json:
        """Tells many observations at once, all or none."""
        body = {
            "observations": [dict(observation) for observation in observations],
            "client_id": self.client_id,
        }
        return self._post("observe", body)

    def export_csv(self) -> str:
        """Everything that was told, as CSV."""
        return to_csv(self.observations())

    def import_csv(self, text: str) -> Json:
        """Tells what a CSV text holds: ``architecture``, and a column for each quantity.

        Raises:
            ValueError: naming the line and the column that is wrong.
            ApiError: as :meth:`tell`.
        """
        return self._tell_many(from_csv(text))

    def import_optuna(self, study: Any, names: Mapping[str, str] | None = None) -> Json:
        """Tells the finished trials of an Optuna study; see
        :func:`netwright.client.study_files.from_optuna`."""
        return self._tell_many(from_optuna(study, names))

    def to_pandas(self) -> Any:
        """Everything that was told, as a ``pandas.DataFrame``.

        Raises:
            ImportError: pandas is not installed.
        """
        return to_pandas(self.observations())

    def _tell_many(self, items: Sequence[Json]) -> Json:
        """Tells in parts that one call takes; each part whole or not at all."""
        if not items:
            return {"news": 0, "study": self.refresh()}
        news, answer = 0, Json()
        for start in range(0, len(items), AT_ONCE):
            answer = self.tell(items[start : start + AT_ONCE])
            news += int(answer["news"])
        return {**answer, "news": news}

    def _post(self, what: str, body: Json) -> Json:
        return self._transport.call("POST", f"/v1/studies/{segment(self.id)}/{what}", json=body)

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
