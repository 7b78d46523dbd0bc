"""What the administrator's commands do, a file a group."""
