"""Alembic's entry: runs on the connection, and inside the transaction, that the store already holds."""

from alembic import context

from bot.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
