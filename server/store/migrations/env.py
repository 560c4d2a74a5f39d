"""What Alembic runs to take the steps in versions/: on the connection that it is given."""

from __future__ import annotations

from alembic import context

from server.store.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
