"""What was left out of uploaded tasks."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("task_embeddings", sa.Column("left_out", sa.Text, nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("task_embeddings", "left_out")
