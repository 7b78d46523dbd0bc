"""How long this process has lived."""

import os
import time
from pathlib import Path

STARTED = 19  # the field of /proc/PID/stat after the name: ticks from the machine's start, proc(5)


def age_s() -> float:
    """Seconds since this process began, imports and all."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[STARTED])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
