"""How the names of data sets, tasks and devices are written."""

import re

PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}"
NAME = re.compile(PATTERN)
