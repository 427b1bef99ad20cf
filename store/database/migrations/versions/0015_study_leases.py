"""Studies: suggestions with leases, and several observations of one architecture."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

PLACE = ["study_id", "architecture", "fidelity"]


def upgrade() -> None:
    op.add_column("study_suggestions", sa.Column("expires_at", sa.Double))
    op.add_column("study_suggestions", sa.Column("released_by", sa.Text))
    op.execute("UPDATE study_suggestions SET expires_at = at + 86400 WHERE NOT finished")
    with op.batch_alter_table("study_observations") as table:
        table.add_column(sa.Column("run", sa.Text, nullable=False, server_default=""))
        table.add_column(sa.Column("complete", sa.Boolean, nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("details", sa.Text))
        table.add_column(sa.Column("client_id", sa.Text))
        table.drop_constraint("uq_study_observations_study_id_architecture_fidelity", type_="unique")
        table.create_unique_constraint(
            "uq_study_observations_study_id_architecture_fidelity_run", [*PLACE, "run"]
        )
    op.execute("UPDATE study_observations SET complete = (fidelity = 'full' AND failed IS NULL)")
    with op.batch_alter_table("study_observations") as table:
        table.alter_column("run", server_default=None)
        table.alter_column("complete", server_default=None)


def downgrade() -> None:
    # Of several observations of one architecture the last one stays.
    op.execute(
        "DELETE FROM study_observations WHERE number NOT IN (SELECT number FROM (SELECT MAX(number) AS number, "
        "study_id AS study FROM study_observations GROUP BY study_id, architecture, fidelity) AS kept "
        "WHERE kept.study = study_observations.study_id)"
    )
    with op.batch_alter_table("study_observations") as table:
        table.drop_constraint("uq_study_observations_study_id_architecture_fidelity_run", type_="unique")
        table.create_unique_constraint("uq_study_observations_study_id_architecture_fidelity", PLACE)
        for name in ("run", "complete", "details", "client_id"):
            table.drop_column(name)
    for name in ("expires_at", "released_by"):
        op.drop_column("study_suggestions", name)
