"""Networks that tenants train."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "networks",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("space", sa.Text, nullable=False),
        sa.Column("architecture", sa.Text, nullable=False),
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("order", sa.Text, nullable=False),
        sa.Column("weights", sa.Text),
        sa.Column("bundle", sa.Text),
        sa.Column("card", sa.Text),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("trained_at", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_networks"),
    )
    op.create_index("ix_networks_page", "networks", ["tenant_id", "id"])


def downgrade() -> None:
    op.drop_table("networks")
