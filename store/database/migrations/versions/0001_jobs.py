"""Jobs, their outbox, events, observations and results; roles."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("idempotency_digest", sa.Text),
        sa.Column("done", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        sa.Column("retry_of", sa.Text),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("started_at", sa.Double),
        sa.Column("finished_at", sa.Double),
        sa.Column("last_event", sa.BigInteger, nullable=False),
        sa.Column("lease_token", sa.Text),
        sa.Column("lease_until", sa.Double),
        sa.Column("worker", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.UniqueConstraint("tenant_id", "idempotency_digest", name="uq_jobs_tenant_id_idempotency_digest"),
    )
    op.create_index("ix_jobs_page", "jobs", ["tenant_id", "id"])
    op.create_index("ix_jobs_page_state", "jobs", ["tenant_id", "state", "id"])
    running = sa.text("state = 'running'")
    op.create_index(
        "ix_jobs_running", "jobs", ["lease_until"], postgresql_where=running, sqlite_where=running
    )
    op.create_table(
        "outbox",
        sa.Column("id", RowId, sa.Identity(), nullable=False),
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("published_at", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("job_id", name="uq_outbox_job_id"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_outbox_job_id", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_tenant_id", "outbox", ["tenant_id"])
    op.create_index("ix_outbox_published", "outbox", ["published_at", "id"])
    unpublished = sa.text("published_at IS NULL")
    op.create_index(
        "ix_outbox_unpublished",
        "outbox",
        ["id"],
        postgresql_where=unpublished,
        sqlite_where=unpublished,
    )
    op.create_table(
        "events",
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("id", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("job_id", "id", name="pk_events"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_events_job_id", ondelete="CASCADE"),
    )
    op.create_table(
        "observations",
        sa.Column("id", RowId, sa.Identity(), nullable=False),
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("architecture", sa.Text, nullable=False),
        sa.Column("fidelity", sa.Text, nullable=False),
        sa.Column("values", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("failed", sa.Text),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_observations"),
        sa.UniqueConstraint(
            "job_id", "architecture", "fidelity", name="uq_observations_job_id_architecture_fidelity"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_observations_job_id", ondelete="CASCADE"),
    )
    op.create_table(
        "results",
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_results"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_results_job_id", ondelete="CASCADE"),
    )
    op.create_table(
        "roles",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_roles"),
    )


def downgrade() -> None:
    for table in ("roles", "results", "observations", "events", "outbox", "jobs"):
        op.drop_table(table)
