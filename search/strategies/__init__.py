"""Search strategies, one file each; the module has the strategy's name."""

from pkgutil import iter_modules


def strategy_names() -> tuple[str, ...]:
    """Names of all strategies, sorted; none of them is imported.

    >>> strategy_names()
    ('annealing', 'bayes', 'evolution', 'local', 'random', 'robot', 'transfer')
    """
    return tuple(sorted(module.name for module in iter_modules(__path__)))
