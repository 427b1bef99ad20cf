"""Tables of measured truth: NAS benchmarks, read from files and looked up by architecture.

:class:`benchmarks.tables.Tables` is what other rooms use. No row of a table is copied into the repository.
"""
