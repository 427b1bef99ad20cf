"""The part of the store that keeps declared spaces; see :class:`store.port.Store` for the rest."""

from abc import ABC, abstractmethod

from store.spaces.space import SpaceSummary, StoredSpace


class SpaceStore(ABC):
    """Spaces that tenants have declared."""

    @abstractmethod
    def put_space(
        self,
        name: str,
        digest: str,
        declaration: str,
        *,
        title: str | None = None,
        size: int | None = None,
        tenant_id: str = "default",
        most: int = 100,
    ) -> tuple[StoredSpace, bool]:
        """Stores a declaration and orders the training of its generator, in one transaction.

        The same declaration again is what is there already; its training is ordered again where it ended
        without success. Of any number of equal calls at once one orders it.

        Returns:
            what is stored, with the job, and whether this call created it

        Raises:
            SpaceExists: the tenant has another declaration of this name.
            TooManySpaces: the tenant has ``most`` spaces.
        """

    @abstractmethod
    def replace_space_job(self, before: str, again: str, *, tenant_id: str = "default") -> None:
        """Makes a job the training of the space that another was of; nothing happens where it is of none."""

    @abstractmethod
    def space(self, name: str, *, tenant_id: str = "default") -> StoredSpace:
        """The tenant's space of a name.

        Raises:
            NotFound: no such space, or another tenant's.
        """

    @abstractmethod
    def spaces(self, *, tenant_id: str = "default") -> list[StoredSpace]:
        """The tenant's spaces, by name."""

    @abstractmethod
    def space_summaries(self, *, tenant_id: str = "default") -> list[SpaceSummary]:
        """What lists say of the tenant's spaces, by name; no declaration is read for it."""

    @abstractmethod
    def summarize_space(
        self, name: str, digest: str, title: str, size: int, *, tenant_id: str = "default"
    ) -> None:
        """Notes what lists say of a space; nothing happens where the space is gone."""

    @abstractmethod
    def delete_space(self, name: str, *, tenant_id: str = "default") -> None:
        """Removes a space and asks its training to stop; jobs that were ordered in it carry their own copy.

        Raises:
            NotFound: no such space, or another tenant's.
        """
