"""The tables, the same on SQLite and PostgreSQL.

Times are Unix seconds by the database's clock, content is JSON text: both databases then hold, order and
refuse exactly the same things. Every owned row carries its tenant. The migrations create these tables;
``tests/store/test_migrations.py`` compares the two.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMES)

# SQLite numbers rows by itself only in a column that is exactly INTEGER.
RowId = BigInteger().with_variant(Integer(), "sqlite")

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("payload", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("idempotency_digest", Text),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
    Column("reason", Text),
    Column("cancel_requested", Boolean, nullable=False),
    Column("retry_of", Text),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("last_event", BigInteger, nullable=False),
    Column("lease_token", Text),
    Column("lease_until", Double),
    Column("worker", Text),
    Column("parent_id", Text),
    Column("children", Integer, nullable=False, server_default="0"),
    Column("attempts_without_progress", Integer, nullable=False, server_default="0"),
    UniqueConstraint("tenant_id", "idempotency_digest"),
)
# Pages without the children of batches, and pages of one batch's children.
_TOP = text("parent_id IS NULL")
Index("ix_jobs_page", jobs.c.tenant_id, jobs.c.id, postgresql_where=_TOP, sqlite_where=_TOP)
Index(
    "ix_jobs_page_state",
    jobs.c.tenant_id,
    jobs.c.state,
    jobs.c.id,
    postgresql_where=_TOP,
    sqlite_where=_TOP,
)
Index("ix_jobs_children", jobs.c.parent_id, jobs.c.id)
Index(
    "ix_jobs_running",
    jobs.c.lease_until,
    postgresql_where=text("state = 'running'"),
    sqlite_where=text("state = 'running'"),
)

# One row for each queued job: it needs a message. The row goes when the job is queued no longer.
outbox = Table(
    "outbox",
    metadata,
    Column("id", RowId, Identity(), primary_key=True),
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("tenant_id", Text, nullable=False),
    Column("published_at", Double),
    Column("lane", Text, nullable=False, server_default=""),
    Column("turn", BigInteger, nullable=False, server_default="0"),
    Column("lane_turn", BigInteger, nullable=False, server_default="0"),
    Column("queue", Text, nullable=False, server_default=""),
    Column("rank", Integer, nullable=False, server_default="0"),  # minus the priority: low ones first
    UniqueConstraint("job_id"),
    sqlite_autoincrement=True,  # a number names one message for ever: it is never given out again
)
Index("ix_outbox_turn", outbox.c.turn, outbox.c.id)
Index("ix_outbox_tenant_turn", outbox.c.tenant_id, outbox.c.turn)
Index("ix_outbox_lane_turn", outbox.c.tenant_id, outbox.c.lane_turn, outbox.c.id)
Index("ix_outbox_rank", outbox.c.tenant_id, outbox.c.rank, outbox.c.lane_turn, outbox.c.id)
Index("ix_outbox_lane", outbox.c.tenant_id, outbox.c.lane, outbox.c.lane_turn)
Index(
    "ix_outbox_unpublished",
    outbox.c.id,
    postgresql_where=text("published_at IS NULL"),
    sqlite_where=text("published_at IS NULL"),
)
Index("ix_outbox_published", outbox.c.published_at, outbox.c.id)

# Whom a batch consists of; a retried batch takes answered children of the one before over.
batch_children = Table(
    "batch_children",
    metadata,
    Column("parent_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("tenant_id", Text, nullable=False),
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("label", Text, nullable=False),
)
Index("ix_batch_children_job_id", batch_children.c.job_id)

events = Table(
    "events",
    metadata,
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("tenant_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("at", Double, nullable=False),
)

observations = Table(
    "observations",
    metadata,
    Column("id", RowId, Identity(), primary_key=True),
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("tenant_id", Text, nullable=False),
    Column("architecture", Text, nullable=False),
    Column("fidelity", Text, nullable=False),
    Column("values", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("failed", Text),
    Column("seconds", Double, nullable=False),
    Column("details", Text, nullable=False, server_default="{}"),
    Column("at", Double, nullable=False),
    UniqueConstraint("job_id", "architecture", "fidelity"),
)

results = Table(
    "results",
    metadata,
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("at", Double, nullable=False),
)

roles = Table(
    "roles",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", Double, nullable=False),
)

devices = Table(
    "devices",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("space", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("metric", Text, nullable=False),
    Column("measurements", Text, nullable=False),
    Column("created_at", Double, nullable=False),
)

# What a tenant trains. A version is a batch of observations, and the weights learned from it and all before.
predictors = Table(
    "predictors",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("space", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("task", Text),
    Column("device", Text),
    Column("kind", Text, nullable=False),
    Column("source", Text),
    Column("created_at", Double, nullable=False),
    Column("last_version", Integer, nullable=False),
    Column("current_version", Integer),
)
Index("ix_predictors_page", predictors.c.tenant_id, predictors.c.id)
Index("ix_predictors_quantity", predictors.c.tenant_id, predictors.c.space, predictors.c.key, predictors.c.id)

predictor_versions = Table(
    "predictor_versions",
    metadata,
    Column("predictor_id", Text, ForeignKey("predictors.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("tenant_id", Text, nullable=False),
    Column("observations", Text, nullable=False),
    Column("labels", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("idempotency_digest", Text),
    Column("job_id", Text),
    Column("model", Text),
    Column("about", Text),
    Column("created_at", Double, nullable=False),
    Column("trained_at", Double),
    UniqueConstraint("predictor_id", "idempotency_digest"),
)

# The ask/tell object behind loops that others drive. Counts are kept in the study's row, under its lock.
studies = Table(
    "studies",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("idempotency_digest", Text),
    Column("created_at", Double, nullable=False),
    Column("closed_at", Double),
    Column("suggested", BigInteger, nullable=False),
    Column("waiting", BigInteger, nullable=False),
    Column("observed", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("last_observation", BigInteger, nullable=False),
    UniqueConstraint("tenant_id", "idempotency_digest"),
)
Index("ix_studies_page", studies.c.tenant_id, studies.c.id)

study_suggestions = Table(
    "study_suggestions",
    metadata,
    Column("study_id", Text, ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
    Column("architecture", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("finished", Boolean, nullable=False),
    Column("at", Double, nullable=False),
    # Nobody's where client_id is empty: enqueued, given back, or its lease expired.
    Column("expires_at", Double),
    Column("released_by", Text),
    UniqueConstraint("study_id", "number"),
)
Index(
    "ix_study_suggestions_unfinished",
    study_suggestions.c.study_id,
    study_suggestions.c.number,
    postgresql_where=text("NOT finished"),
    sqlite_where=text("NOT finished"),
)

study_observations = Table(
    "study_observations",
    metadata,
    Column("study_id", Text, ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("tenant_id", Text, nullable=False),
    Column("architecture", Text, nullable=False),
    Column("fidelity", Text, nullable=False),
    Column("values", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("failed", Text),
    Column("seconds", Double, nullable=False),
    Column("at", Double, nullable=False),
    # Which of several measurements of one architecture it is.
    Column("run", Text, nullable=False),
    # Whether the architecture had every value that its study needs, with this one.
    Column("complete", Boolean, nullable=False),
    Column("details", Text),
    Column("client_id", Text),
    UniqueConstraint("study_id", "architecture", "fidelity", "run"),
)

user_spaces = Table(
    "user_spaces",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("declaration", Text, nullable=False),
    Column("job_id", Text),
    Column("created_at", Double, nullable=False),
    # What lists say of it; the size is text, since no whole number of a database is large enough.
    Column("title", Text),
    Column("size", Text),
)

# What was made of an upload, by its content; it outlives the tasks that named it.
task_embeddings = Table(
    "task_embeddings",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("content", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("embedding", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("classes", Text, nullable=False),
    Column("images", BigInteger, nullable=False),
    Column("embedded", BigInteger, nullable=False),
    Column("left_out", Text, nullable=False, server_default="{}"),
    Column("created_at", Double, nullable=False),
)

tasks = Table(
    "tasks",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("content", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("idempotency_digest", Text),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("tenant_id", "idempotency_digest"),
)

# What evaluations found, under the digest of all that it follows from: a tenant's jobs do each once.
evaluations = Table(
    "evaluations",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("job_id", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("at", Double, nullable=False),
)

# Evaluations of designs that clients outside make, under leases.
external_evaluations = Table(
    "external_evaluations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("architecture", Text, nullable=False),
    Column("order", Text, nullable=False),
    Column("lease_seconds", Double, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("attempt", BigInteger, nullable=False),
    Column("token", Text),
    Column("client_id", Text),
    Column("lease_until", Double),
    Column("ended", Boolean, nullable=False),
    Column("result", Text),
    Column("at", Double, nullable=False),
    UniqueConstraint("job_id", "architecture"),
)
Index(
    "ix_external_evaluations_waiting",
    external_evaluations.c.tenant_id,
    external_evaluations.c.id,
    postgresql_where=text("NOT ended"),
    sqlite_where=text("NOT ended"),
)

# A data set's content arrives in pieces, each a blob.
datasets = Table(
    "datasets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("ending", Text, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("sha256", Text),
    Column("job_id", Text),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("tenant_id", "name"),
)

dataset_pieces = Table(
    "dataset_pieces",
    metadata,
    Column("dataset_id", Text, ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("tenant_id", Text, nullable=False),
    Column("blob", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
)

networks = Table(
    "networks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("job_id", Text, nullable=False),
    Column("space", Text, nullable=False),
    Column("architecture", Text, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("order", Text, nullable=False),
    Column("weights", Text),
    Column("bundle", Text),
    Column("card", Text),
    Column("created_at", Double, nullable=False),
    Column("trained_at", Double),
)
Index("ix_networks_page", networks.c.tenant_id, networks.c.id)

# What is true of the database as a whole.
facts = Table(
    "facts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
