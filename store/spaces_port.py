"""The part of the store that keeps declared spaces; see :class:`store.port.Store` for the rest."""

from abc import ABC, abstractmethod

from store.space import StoredSpace


class SpaceStore(ABC):
    """Spaces that tenants have declared."""

    @abstractmethod
    def put_space(
        self, name: str, digest: str, declaration: str, *, tenant_id: str = "default", most: int = 100
    ) -> tuple[StoredSpace, bool]:
        """Stores a declaration; returns it, and whether this call created it.

        The same declaration again is what is there already.

        Raises:
            SpaceExists: the tenant has another declaration of this name.
            TooManySpaces: the tenant has ``most`` spaces.
        """

    @abstractmethod
    def set_space_job(self, name: str, digest: str, job_id: str, *, tenant_id: str = "default") -> None:
        """Notes which job trains the space's generator; nothing happens where the space is gone."""

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
    def delete_space(self, name: str, *, tenant_id: str = "default") -> None:
        """Removes a space; jobs that were ordered in it carry their own copy.

        Raises:
            NotFound: no such space, or another tenant's.
        """
