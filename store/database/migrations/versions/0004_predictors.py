"""Predictors that tenants train, with their observations."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "predictors",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("space", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("metric", sa.Text, nullable=False),
        sa.Column("task", sa.Text),
        sa.Column("device", sa.Text),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("source", sa.Text),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("last_version", sa.Integer, nullable=False),
        sa.Column("current_version", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="pk_predictors"),
    )
    op.create_index("ix_predictors_page", "predictors", ["tenant_id", "id"])
    op.create_index("ix_predictors_quantity", "predictors", ["tenant_id", "space", "key", "id"])
    op.create_table(
        "predictor_versions",
        sa.Column("predictor_id", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("observations", sa.Text, nullable=False),
        sa.Column("labels", sa.Integer, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("idempotency_digest", sa.Text),
        sa.Column("job_id", sa.Text),
        sa.Column("model", sa.Text),
        sa.Column("about", sa.Text),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("trained_at", sa.Double),
        sa.PrimaryKeyConstraint("predictor_id", "version", name="pk_predictor_versions"),
        sa.UniqueConstraint(
            "predictor_id",
            "idempotency_digest",
            name="uq_predictor_versions_predictor_id_idempotency_digest",
        ),
        sa.ForeignKeyConstraint(
            ["predictor_id"],
            ["predictors.id"],
            name="fk_predictor_versions_predictor_id",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    op.drop_table("predictor_versions")
    op.drop_table("predictors")
