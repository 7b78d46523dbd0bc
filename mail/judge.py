"""Who verifies signatures: bytes, envelope sender and time in, a verdict of `crypto.verdict` out."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from crypto.verdict import Reason, Verdict

UNSIGNED = Verdict(Reason.NOT_SIGNED)

# Raw message, envelope sender (None for the null sender), time. Never raises, CPU only. The wiring makes it from
# `crypto.verify` and the trust in force.
Judge = Callable[[bytes, str | None, datetime], Verdict]
JudgeOnLoop = Callable[[bytes, str | None, datetime], Awaitable[Verdict]]  # the same, asked by the event loop
