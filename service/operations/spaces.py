"""Spaces by the names that a tenant may use: those of the program, and those that the tenant declared."""

from dataclasses import dataclass

from search.request.design_request import FieldError
from service.http.problems import Problem, invalid
from service.schemas import SpaceCreate
from spaces.declared.declaration import declaration_text
from spaces.declared.source import DeclarationError, Source, read_source
from spaces.declared.space import PREFIX, DeclaredSpace, declare
from spaces.known import added_space, forget_space, get_space, space_names
from spaces.space import Space
from store.jobs.job import Job, JobState, NotFound
from store.port import Store
from store.spaces.space import DECLARATION, GENERATOR, SpaceExists, SpaceSummary, StoredSpace, TooManySpaces

MAX_SPACES = 100
"""Of one tenant."""


@dataclass(frozen=True, slots=True)
class FoundSpace:
    """A space, and what is stored of it where it was declared."""

    space: Space
    stored: StoredSpace | None = None

    def declaration(self) -> dict[str, object]:
        """What a stored request needs to be read again, wherever the space is deleted meanwhile."""
        return {} if self.stored is None else {DECLARATION: self.stored.declaration}

    def payload(self, store: Store) -> dict[str, object]:
        """What a job needs that no module gives: the declaration, and the generator where it is trained."""
        if self.stored is None:
            return {}
        return self.declaration() | {GENERATOR: trained_generator(store, self.stored)}


def task_of(found: FoundSpace, named: str | None) -> str:
    """The task that is named; of a declared space the first one, where none is.

    Raises:
        Problem: 422 where a task is missing.
    """
    if named is not None:
        return named
    if found.stored is None:
        known = f"tasks of {found.space.name} are {', '.join(found.space.tasks)}"
        raise invalid([FieldError("task", "is missing", known)])
    return found.space.tasks[0]


def find_space(store: Store, tenant: str, name: str) -> FoundSpace:
    """The space of a name; a tenant's own also by the name that holds its digest.

    Raises:
        Problem: 422 where there is none, or it is another tenant's.
    """
    if name in space_names():
        return FoundSpace(get_space(name))
    own = name.removeprefix(PREFIX).partition("@")[0]
    try:
        stored = store.space(own, tenant_id=tenant)
    except NotFound:
        stored = None
    if stored is None or name not in (own, internal_name(stored)):
        known = [*space_names(), *(space.name for space in store.space_summaries(tenant_id=tenant))]
        raise invalid([FieldError("space", f"{name!r} is no space", f"known are {', '.join(known)}")])
    return FoundSpace(space_of(stored), stored)


def internal_name(stored: StoredSpace) -> str:
    """The name under which the process knows a declared space."""
    return f"{PREFIX}{stored.name}@{stored.digest[:16]}"


def space_of(stored: StoredSpace) -> DeclaredSpace:
    """The space of a stored declaration, made once a process."""
    space = added_space(internal_name(stored)) or declare(read_source(stored.declaration))
    assert isinstance(space, DeclaredSpace)
    return space


def summaries(store: Store, tenant: str) -> dict[str, SpaceSummary]:
    """What a list says of a tenant's spaces, by name; one of an older version is built for it, once."""
    found = {summary.name: summary for summary in store.space_summaries(tenant_id=tenant)}
    for name in [name for name, summary in found.items() if summary.title is None or summary.size is None]:
        try:
            stored = store.space(name, tenant_id=tenant)
        except NotFound:  # it was deleted meanwhile
            del found[name]
            continue
        space = space_of(stored)
        store.summarize_space(name, stored.digest, space.title, space.size, tenant_id=tenant)
        found[name] = SpaceSummary(name, space.title, space.size)
    return found


def remove_space(store: Store, tenant: str, name: str) -> None:
    """Deletes a tenant's space, and lets this process forget it.

    Raises:
        NotFound: there is none.
    """
    stored = store.space(name, tenant_id=tenant)
    store.delete_space(name, tenant_id=tenant)
    forget_space(internal_name(stored))


def training_job(store: Store, stored: StoredSpace) -> Job | None:
    """The job that trains a space's generator, or has."""
    try:
        return None if stored.job_id is None else store.job(stored.job_id, tenant_id=stored.tenant_id)
    except NotFound:
        return None


def trained_generator(store: Store, stored: StoredSpace) -> str | None:
    """The blob with the generator's weights; None while it is not trained."""
    job = training_job(store, stored)
    if job is None or job.state is not JobState.SUCCEEDED:
        return None
    result = store.result(job.id, tenant_id=stored.tenant_id) or {}
    return str(result.get("generator", "")).removeprefix("sha256:") or None


def add_space(store: Store, tenant: str, request: SpaceCreate) -> tuple[DeclaredSpace, StoredSpace, bool]:
    """Declares a space for a tenant and orders the training of its generator, again where it failed.

    Returns:
        the space, what is stored, and whether this call created it

    Raises:
        Problem: 422 with every field that is wrong; 409 for a name that is taken.
    """
    space = _declared(request)
    if space.public_name in space_names():
        taken = f"{space.public_name!r} is a space already"
        raise invalid([FieldError(f"{_where(request)}.name", taken, "choose another name")])
    text = declaration_text(space.declaration)
    try:
        stored, created = store.put_space(
            space.public_name,
            space.digest,
            text,
            title=space.title,
            size=space.size,
            tenant_id=tenant,
            most=MAX_SPACES,
        )
    except SpaceExists:
        detail = f"there is another space {space.public_name!r}; delete it first, or choose another name"
        raise Problem(409, detail, kind="space-exists") from None
    except TooManySpaces:
        detail = f"there are {MAX_SPACES} spaces already; delete one first"
        raise Problem(409, detail, kind="too-many-spaces") from None
    return space, stored, created


def _declared(request: SpaceCreate) -> DeclaredSpace:
    if (request.declaration is None) == (request.toml is None):
        raise invalid(
            [FieldError("declaration", "give a declaration or a toml, one of them", "see the example")]
        )
    source = request.toml if request.toml is not None else Source(request.declaration or {})
    try:
        return declare(source)
    except DeclarationError as error:
        where = _where(request)
        raise invalid(
            [
                FieldError(
                    f"{where}.{problem.field}" if problem.field else where,
                    problem.message if problem.line is None else f"line {problem.line}: {problem.message}",
                    problem.hint,
                )
                for problem in error.problems
            ]
        ) from None


def _where(request: SpaceCreate) -> str:
    return "toml" if request.toml is not None else "declaration"
