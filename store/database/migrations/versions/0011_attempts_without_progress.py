"""Attempts in a row without progress; what was started before has made none that is known of."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("attempts_without_progress", sa.Integer, nullable=False, server_default="0")
    op.add_column("jobs", column)
    op.execute("UPDATE jobs SET attempts_without_progress = attempt WHERE state IN ('queued', 'running')")


def downgrade() -> None:
    op.drop_column("jobs", "attempts_without_progress")
