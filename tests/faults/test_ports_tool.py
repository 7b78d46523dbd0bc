"""The tool that gives ports to servers: what one has, no other gets, also while its server is down."""

import subprocess
import sys

from tests.support.house import ROOT
from tests.support.ports import free_offset, free_port, reserve


def test_a_reserved_port_is_nobody_else_s():
    port = free_port()
    asked = f"from tests.support.ports import reserve; print(reserve([{port}]))"
    told = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False" and not reserve([port])


def test_servers_of_two_offsets_share_no_port():
    known = (2525, 8025)
    taken = [port + offset for offset in (free_offset(known) for _ in range(40)) for port in known]
    assert len(set(taken)) == len(taken)
