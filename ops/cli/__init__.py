"""`pli`, a file a group of commands."""
