"""Read before every test module, in whichever room it is."""

import os

# Several test processes share the processors. Threads of one would wait for those of the others: on two busy
# cores a network of the tests takes ten times as long with two threads as with one.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
