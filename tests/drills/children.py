"""``python -m tests.drills.children relay|worker``: the workers' test processes, fit for a wrong clock.

libfaketime 0.9.10 hands the kernel a wrong time where a program sleeps until a moment of the monotonic clock,
as ``time.sleep`` does; waiting for nothing with ``select`` is the same sleep without that.
"""

import select
import sys
import time

time.sleep = lambda seconds: select.select([], [], [], seconds)

from tests.workers.children import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
