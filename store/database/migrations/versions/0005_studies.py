"""Studies with their suggestions and observations."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "studies",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("idempotency_digest", sa.Text),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("closed_at", sa.Double),
        sa.Column("suggested", sa.BigInteger, nullable=False),
        sa.Column("waiting", sa.BigInteger, nullable=False),
        sa.Column("observed", sa.BigInteger, nullable=False),
        sa.Column("failed", sa.BigInteger, nullable=False),
        sa.Column("last_observation", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_studies"),
        sa.UniqueConstraint(
            "tenant_id", "idempotency_digest", name="uq_studies_tenant_id_idempotency_digest"
        ),
    )
    op.create_index("ix_studies_page", "studies", ["tenant_id", "id"])
    op.create_table(
        "study_suggestions",
        sa.Column("study_id", sa.Text, nullable=False),
        sa.Column("architecture", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("finished", sa.Boolean, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("study_id", "architecture", name="pk_study_suggestions"),
        sa.UniqueConstraint("study_id", "number", name="uq_study_suggestions_study_id_number"),
        sa.ForeignKeyConstraint(
            ["study_id"], ["studies.id"], name="fk_study_suggestions_study_id", ondelete="CASCADE"
        ),
    )
    op.create_index(
        "ix_study_suggestions_unfinished",
        "study_suggestions",
        ["study_id", "number"],
        postgresql_where=sa.text("NOT finished"),
        sqlite_where=sa.text("NOT finished"),
    )
    op.create_table(
        "study_observations",
        sa.Column("study_id", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("architecture", sa.Text, nullable=False),
        sa.Column("fidelity", sa.Text, nullable=False),
        sa.Column("values", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("failed", sa.Text),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("study_id", "number", name="pk_study_observations"),
        sa.UniqueConstraint(
            "study_id",
            "architecture",
            "fidelity",
            name="uq_study_observations_study_id_architecture_fidelity",
        ),
        sa.ForeignKeyConstraint(
            ["study_id"], ["studies.id"], name="fk_study_observations_study_id", ondelete="CASCADE"
        ),
    )


def downgrade() -> None:
    op.drop_table("study_observations")
    op.drop_table("study_suggestions")
    op.drop_table("studies")
