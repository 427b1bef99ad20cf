"""Python's collector passes over what the API loaded when it started.

A full collection looks at every object and holds Python's lock meanwhile: with the 200,000 objects of loaded
modules and routes all requests stand still for a tenth of a second, and large bodies bring one each second.
What was there before the first request stays for as long as the process, so there is nothing to find.
"""

import gc


def pass_over_what_is_loaded() -> None:
    """Takes all present objects out of later collections; called once, before the first request."""
    gc.collect()  # what is garbage by now would stay for ever
    gc.freeze()
