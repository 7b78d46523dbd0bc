"""Alembic's entry: runs on the connection that `ops.migrate` hands over, inside one transaction."""

from alembic import context

from ops.migrate import schema

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=schema(), transactional_ddl=True)
context.run_migrations()
