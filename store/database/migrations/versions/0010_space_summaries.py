"""What lists say of declared spaces, so that none is built to be listed."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("user_spaces", sa.Column("title", sa.Text))
    op.add_column("user_spaces", sa.Column("size", sa.Text))


def downgrade() -> None:
    op.drop_column("user_spaces", "size")
    op.drop_column("user_spaces", "title")
