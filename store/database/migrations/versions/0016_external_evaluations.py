"""Evaluations that clients outside make."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "external_evaluations",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("architecture", sa.Text, nullable=False),
        sa.Column("order", sa.Text, nullable=False),
        sa.Column("lease_seconds", sa.Double, nullable=False),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("attempt", sa.BigInteger, nullable=False),
        sa.Column("token", sa.Text),
        sa.Column("client_id", sa.Text),
        sa.Column("lease_until", sa.Double),
        sa.Column("ended", sa.Boolean, nullable=False),
        sa.Column("result", sa.Text),
        sa.Column("at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_external_evaluations"),
        sa.UniqueConstraint("job_id", "architecture", name="uq_external_evaluations_job_id_architecture"),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name="fk_external_evaluations_job_id", ondelete="CASCADE"
        ),
    )
    op.create_index(
        "ix_external_evaluations_waiting",
        "external_evaluations",
        ["tenant_id", "id"],
        postgresql_where=sa.text("NOT ended"),
        sqlite_where=sa.text("NOT ended"),
    )


def downgrade() -> None:
    op.drop_table("external_evaluations")
