"""Tasks that tenants upload, and what was made of them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "task_embeddings",
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("embedding", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("classes", sa.Text, nullable=False),
        sa.Column("images", sa.BigInteger, nullable=False),
        sa.Column("embedded", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "content", "version", name="pk_task_embeddings"),
    )
    op.create_table(
        "tasks",
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("idempotency_digest", sa.Text),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "name", name="pk_tasks"),
        sa.UniqueConstraint("tenant_id", "idempotency_digest", name="uq_tasks_tenant_id_idempotency_digest"),
    )


def downgrade() -> None:
    op.drop_table("tasks")
    op.drop_table("task_embeddings")
