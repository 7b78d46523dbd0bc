"""`python -m tests.pictures`: the README's pictures, taken anew by the tests of the main job into docs/."""

import os
import subprocess
import sys

from tests.support.house import ROOT

WHERE = ROOT / "docs"


def main() -> int:
    """The exit code of the tests: pictures of a job that failed are none."""
    command = [sys.executable, "-m", "pytest", "-q", "tests/portal/test_main_job.py"]
    return subprocess.run(command, cwd=ROOT, env=os.environ | {"PLI_TEST_PICTURES": str(WHERE)}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
