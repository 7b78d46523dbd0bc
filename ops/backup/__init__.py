"""Backups made beside a server at work, and restored into an empty instance. The keyring is never among them."""
