"""The homeserver's process: dies with its parent, loads Synapse, then is told on standard input where its files are.

`python -m instant.synapse_child`; the first line is the folder. Loading takes longest, and needs to know nothing.
"""

import ctypes
import gc
import os
import signal
import sys
from contextlib import suppress

PR_SET_PDEATHSIG = 1  # prctl(2)
HOMESERVER, OUTPUT = "homeserver.yaml", "start.log"


def main() -> None:
    """Raises SystemExit when the parent is gone already, or has no folder for us."""
    parent = int(os.environ.pop("PLI_PARENT"))
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the parent has ended")
    gc.disable()  # what is loaded stays: to look through it for garbage takes a fifth of the time
    with suppress(ImportError):  # it is raised again below, where it can be read
        import synapse.app.homeserver  # noqa: F401
    gc.enable()

    folder = sys.stdin.readline().rstrip("\n")
    if not folder:
        sys.exit("no folder was given")
    os.chdir(folder)
    output = os.open(OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.argv[1:] = ["-c", HOMESERVER]
    from synapse.app import homeserver

    homeserver.main()


if __name__ == "__main__":
    main()
