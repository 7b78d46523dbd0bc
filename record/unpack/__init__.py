"""Opens attachments: one file per form of document, bytes in, facts out; `unpack` is the way in."""

from record.unpack.open import Taken, unpack

__all__ = ["Taken", "unpack"]
