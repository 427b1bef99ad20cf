"""The frame of every comparison: registration, cached parts, honest rows, provenance, documents.

A comparison is a function that gets a :class:`~experiments.framework.context.Context` and returns rows::

    @comparison("quickstart", protocol="16 table evaluations …", seeds=3, full_seeds=20)
    def quickstart(context: Context) -> list[Row]:
        regrets = context.each("bayes", regret)
        return [Row.measured("2-regret", regrets, "points", goal="<= 0.5", evaluated_on=[COLUMN])]

Modules of :mod:`experiments` are imported to find comparisons, so they import heavy rooms inside functions.
"""
