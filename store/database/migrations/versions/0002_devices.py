"""Devices that tenants have measured."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "devices",
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("space", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("metric", sa.Text, nullable=False),
        sa.Column("measurements", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "space", "name", name="pk_devices"),
    )


def downgrade() -> None:
    op.drop_table("devices")
