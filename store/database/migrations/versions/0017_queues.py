"""Queues and priorities of jobs that wait."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("queue", sa.Text, nullable=False, server_default=""))
    op.add_column("outbox", sa.Column("rank", sa.Integer, nullable=False, server_default="0"))
    op.execute("UPDATE outbox SET queue = (SELECT kind FROM jobs WHERE jobs.id = outbox.job_id)")
    op.create_index("ix_outbox_rank", "outbox", ["tenant_id", "rank", "lane_turn", "id"])


def downgrade() -> None:
    op.drop_index("ix_outbox_rank", "outbox")
    op.drop_column("outbox", "rank")
    op.drop_column("outbox", "queue")
