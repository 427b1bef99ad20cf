"""What alembic runs: the steps, inside the transaction that :mod:`store.database.schema` has opened."""

from alembic import context

from store.database.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
