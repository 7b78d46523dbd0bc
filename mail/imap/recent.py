r"""\Recent: which session is the first to see a message. RFC 3501 §2.3.2; RFC 9051 has dropped it.

Kept in memory and only upwards: what was there when the process first saw a folder is nobody's news, unless the folder
is younger than the process. Ids tell: they grow with time.
"""

from bisect import bisect_right
from collections.abc import Sequence

from core.ids import new_id


class Recents:
    """Highest UID seen by anybody, by folder. Used from the loop's thread only."""

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}
        self._begun = new_id()

    def claim(self, folder_id: int, uids: Sequence[int], *, read_only: bool) -> set[int]:
        """Those of ascending `uids` that are recent for this session; SELECT takes them, EXAMINE looks (§6.3.2)."""
        top = uids[-1] if uids else 0
        seen = self._seen.setdefault(folder_id, 0 if folder_id > self._begun else top)
        if not read_only:
            self._seen[folder_id] = max(seen, top)
        return set(uids[bisect_right(uids, seen) :])

    def count(self, folder_id: int, uidnext: int) -> int:
        """For STATUS: at most how many would be recent for the session that selects the folder now."""
        seen = self._seen.get(folder_id, 0 if folder_id > self._begun else uidnext - 1)
        return max(uidnext - 1 - seen, 0)
