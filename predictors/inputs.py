"""Which features a predictor sees in a space where few labels must do."""

from encoders.features import DEFAULT_KINDS
from encoders.pretrained import networks as pretrained
from encoders.proxies import table as score_table
from encoders.proxies.table import DEEP
from encoders.training_free.recipe import recipe_kinds
from encoders.training_free.sequences import is_chain
from spaces.space import Space


def informed_kinds(space: Space, *, embeddings: bool = False, deep: bool = False) -> tuple[str, ...]:
    """Kinds of features, most general first.

    Where zeros and skips make several architectures compute one function, only features that are equal for
    all of them are taken: their labels are then labels of one point. Elsewhere the choices themselves are.

    Args:
        space: any space.
        embeddings: those of pretrained networks too, where they ship.
        deep: scores of the network that is trained too, where they ship.
    """
    if space.network_space is not space:
        return (
            *informed_kinds(space.network_space, embeddings=embeddings, deep=deep),
            *recipe_kinds(space),
        )
    if space.zero_operations and not space.task_dependent_cost:
        kinds: tuple[str, ...] = ("live", "structure", "reduced")
    elif is_chain(space):
        kinds = ("onehot", "ordinal", "live", "counts", "statistics")
    else:
        kinds = ("onehot", "path", "live", "structure", "statistics")
    kinds = (*kinds, "scores") if score_table.ships(space.name) else kinds
    kinds = (*kinds, "deep_scores") if deep and score_table.ships(space.name, DEEP) else kinds
    return (*kinds, "pretrained") if embeddings and pretrained.ships(space.name) else kinds


def cost_kinds(space: Space) -> tuple[str, ...]:
    """Kinds of features that a measured cost follows from, not an accuracy.

    >>> from spaces.known import get_space
    >>> cost_kinds(get_space("gnn"))
    ('onehot', 'statistics', 'messages')
    """
    return ("onehot", "statistics", "messages") if space.list_operations else DEFAULT_KINDS


def exact_kinds(space: Space) -> tuple[str, ...]:
    """Kinds of features that stand beside the embedding of a graph network: few, and exact."""
    if space.network_space is not space:
        return (*exact_kinds(space.network_space), *recipe_kinds(space))
    if space.zero_operations and not space.task_dependent_cost:
        kinds: tuple[str, ...] = ("reduced",)
    else:
        kinds = ("onehot", "ordinal", "statistics") if is_chain(space) else ("onehot", "statistics")
    kinds = (*kinds, "scores") if score_table.ships(space.name) else kinds
    return (*kinds, "deep_scores") if score_table.ships(space.name, DEEP) else kinds
