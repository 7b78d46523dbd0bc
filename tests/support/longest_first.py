"""The order of files on several workers: a file runs on one of them as a whole, so the longest begins first.

A long one that begins last keeps one worker busy while the others have nothing more to do.
"""

from collections import Counter
from pathlib import Path

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """By the seconds of the marker `long`, then by the number of tests; pytest-xdist with --no-loadscope-reorder."""
    tests = Counter(item.path for item in items)
    seconds = {item.path: marker.args[0] for item in items if (marker := item.get_closest_marker("long"))}

    def first(item: pytest.Item) -> tuple[float, int, Path]:
        return (-seconds.get(item.path, 0), -tests[item.path], item.path)

    if seconds:
        items.sort(key=first)
