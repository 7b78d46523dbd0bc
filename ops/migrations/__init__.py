"""The schema's history, one file a step; `ops.migrate` walks it."""
