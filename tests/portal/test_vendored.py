"""What comes from elsewhere is what we looked at, has its licence beside it, and needs no loosening of the policy."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from portal.app import build
from portal.guard import _HEADERS
from tests.support.house import ROOT
from tests.support.portal_world import Browser, World

BUNDLED = ROOT / "tests" / "support" / "pkijs"
VENDOR = ROOT / "portal" / "static" / "vendor"
ROW = re.compile(r"^\| (\S+\.js) \|.*\((\S+)\) \| ([0-9a-f]{64}) \|$", re.MULTILINE)


def test_each_file_is_listed_with_its_licence_and_hash():
    rows = {name: (licence, digest) for name, licence, digest in ROW.findall((VENDOR / "README.md").read_text())}
    assert set(rows) == {path.name for path in VENDOR.glob("*.js")}
    for name, (licence, digest) in rows.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest
        assert (VENDOR / licence).read_text().strip()


def test_the_policy_allows_neither_eval_nor_inline_code():
    policy = _HEADERS["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http:" not in policy and "https:" not in policy and "*" not in policy


@pytest.mark.slow
def test_the_bundle_is_what_its_locked_packages_make(tmp_path: Path):
    for name in ("package.json", "package-lock.json", "sign.mjs"):
        shutil.copy(BUNDLED / name, tmp_path)
    for command in (["npm", "ci", "--no-audit", "--no-fund", "--silent"], ["npm", "run", "build", "--silent"]):
        subprocess.run(command, cwd=tmp_path, check=True)
    assert (tmp_path / "pkijs.min.js").read_bytes() == (VENDOR / "pkijs.min.js").read_bytes()


def test_each_page_loads_the_one_library_it_uses():
    templates = {path.name: path.read_text() for path in (ROOT / "portal" / "templates").glob("*.html")}
    users = {name: re.findall(r'asset\("vendor/(\S+?)"\)', text) for name, text in templates.items()}
    assert {name: found for name, found in users.items() if found} == {
        "directory.html": ["htmx.min.js"],
        "send3.html": ["pkijs.min.js"],
    }


def test_our_files_travel_compressed_and_pages_do_not(world: World):
    """What holds a token is not compressed: its length would tell (BREACH)."""
    browser = Browser(build(world.services))
    script = browser.get("/static/vendor/pkijs.min.js")
    assert script.headers["content-encoding"] == "gzip" and "Accept-Encoding" in script.headers["vary"]
    assert script.content == (VENDOR / "pkijs.min.js").read_bytes()
    assert "content-encoding" not in browser.get("/entrer").headers
