"""Whose turn it is: queued jobs of many tenants, and of many batches of one tenant, served in fair shares.

Start-time fair queueing (Goyal, Vin and Cheng, 1996) in two levels. A queued job gets a turn, one after the
turn of the tenant's last queued job, but never before the lowest turn that still waits: a tenant who comes
late neither waits behind another's thousand jobs nor catches up on turns that he did not use. A worker
serves the tenant with the lowest turn. Which of the tenant's jobs it takes is decided alike among his lanes
(each batch is one, his other jobs together are another) by the lane's turn.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Front:
    """What the turns of new jobs follow from.

    Args:
        lowest: the lowest turn that waits; None for an empty queue.
        last: the highest turn of the tenant's own that waits; None where nothing of his does.
    """

    lowest: int | None
    last: int | None

    def next(self) -> int:
        """The turn of the tenant's next job.

        >>> Front(None, None).next(), Front(40, None).next(), Front(40, 90).next()
        (0, 40, 91)
        """
        return max(self.lowest or 0, 0 if self.last is None else self.last + 1)
