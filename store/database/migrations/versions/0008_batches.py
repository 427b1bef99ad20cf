"""Batches: children of jobs, and turns for queued jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TOP = sa.text("parent_id IS NULL")
PAGES = {"ix_jobs_page": ["tenant_id", "id"], "ix_jobs_page_state": ["tenant_id", "state", "id"]}
TURNS = {
    "ix_outbox_turn": ["turn", "id"],
    "ix_outbox_tenant_turn": ["tenant_id", "turn"],
    "ix_outbox_lane_turn": ["tenant_id", "lane_turn", "id"],
    "ix_outbox_lane": ["tenant_id", "lane", "lane_turn"],
}


def upgrade() -> None:
    op.add_column("jobs", sa.Column("parent_id", sa.Text))
    op.add_column("jobs", sa.Column("children", sa.Integer, nullable=False, server_default="0"))
    for name, columns in PAGES.items():
        op.drop_index(name, "jobs")
        op.create_index(name, "jobs", columns, postgresql_where=TOP, sqlite_where=TOP)
    op.create_index("ix_jobs_children", "jobs", ["parent_id", "id"])
    op.add_column("outbox", sa.Column("lane", sa.Text, nullable=False, server_default=""))
    op.add_column("outbox", sa.Column("turn", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("outbox", sa.Column("lane_turn", sa.BigInteger, nullable=False, server_default="0"))
    # What waits already keeps its order.
    op.execute("UPDATE outbox SET turn = id, lane_turn = id")
    op.drop_index("ix_outbox_tenant_id", "outbox")
    for name, columns in TURNS.items():
        op.create_index(name, "outbox", columns)
    op.create_table(
        "batch_children",
        sa.Column("parent_id", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("parent_id", "position", name="pk_batch_children"),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["jobs.id"], name="fk_batch_children_parent_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_batch_children_job_id", ondelete="CASCADE"),
    )
    op.create_index("ix_batch_children_job_id", "batch_children", ["job_id"])


def downgrade() -> None:
    op.drop_table("batch_children")
    for name in TURNS:
        op.drop_index(name, "outbox")
    for name in ("lane_turn", "turn", "lane"):
        op.drop_column("outbox", name)
    op.create_index("ix_outbox_tenant_id", "outbox", ["tenant_id"])
    op.drop_index("ix_jobs_children", "jobs")
    for name, columns in PAGES.items():
        op.drop_index(name, "jobs")
        op.create_index(name, "jobs", columns)
    for name in ("children", "parent_id"):
        op.drop_column("jobs", name)
