"""Writes what others read: the strict side of what `record.unpack` reads tolerantly."""
