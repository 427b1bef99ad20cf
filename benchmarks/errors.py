"""What goes wrong with tables."""


class TableUnavailable(Exception):
    """The table cannot be read here: its file or package is absent.

    Retry policy: not worth a retry until someone installs the package or points to the data directory; the
    message says which.
    """


class TableDamaged(TableUnavailable):
    """The table's file is not what it should be, and nothing in it was run or kept.

    Retry policy: never worth a retry; the file has to be replaced.
    """
