"""``python -m netwright.health api|relay|worker``: exit status 0 while that process of this machine is well.

For a supervisor that asks from outside, such as a container's health check. An API must answer ``/readyz``. A
relay or worker announces itself in the store every few seconds while it can work; here it is looked up.
"""

import http.client
import platform
import sys
from collections.abc import Sequence

from netwright.settings import Settings

ANSWER_SECONDS = 4.0
RELAY = "relay"
WORKER = "worker:"
"""The roles of ``workers.relay.ROLE`` and ``workers.worker.ROLE``, without loading Celery."""


def unwell(settings: Settings, process: str) -> str | None:
    """What is wrong with a process of this machine; None while it is well.

    Args:
        settings: the process's own.
        process: ``api``, ``relay`` or ``worker``. Of several workers on one machine one that is well is
            enough; of several relays one in all, since the others stand by.
    """
    if process == "api":
        return _not_ready(settings)
    # Asked every few seconds: nothing is loaded that the question does not need.
    from store.jobs.job import StoreError
    from store.sql import SqlStore

    store = SqlStore(settings.store_url)
    try:
        present = store.roles()
    except StoreError as error:
        return f"the database does not answer: {error}"
    finally:
        store.close()
    if process == "relay":
        return None if RELAY in present else "no relay has announced itself"
    mine = settings.process_name or f"{platform.node()}-"
    well = any(role.startswith(WORKER) and holder.startswith(mine) for role, holder in present.items())
    return None if well else f"no worker {mine}… has announced itself"


def _not_ready(settings: Settings) -> str | None:
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::", ""} else settings.host
    connection = http.client.HTTPConnection(host, settings.port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"no answer: {error}"
    finally:
        connection.close()
    return None if status == 200 else f"/readyz answers {status}"


def main(arguments: Sequence[str]) -> int:
    """Says what is wrong; returns the exit status."""
    if len(arguments) != 1 or arguments[0] not in ("api", "relay", "worker"):
        sys.stderr.write("usage: python -m netwright.health api|relay|worker\n")
        return 2
    wrong = unwell(Settings(), arguments[0])
    if wrong is not None:
        sys.stderr.write(f"{wrong}\n")
    return 0 if wrong is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
