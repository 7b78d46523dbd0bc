"""Each outside library is known by few files: this table is the list. A new library is a new line here, with a reason.

A place is a path or the beginning of one. Tests are free.
"""

import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions

from tests.support.house import FLOORS, ROOT, imports, sources

ANYWHERE = tuple(f"{room}/" for room in FLOORS)
PLACES = {
    "PIL": ("record/reading/", "record/pack/pdfa.py"),
    "aioimaplib": ("mail/collect", "ops/"),  # a client: reads elsewhere, and plays the user in the demo
    "aiosmtpd": ("mail/",),
    "aiosmtplib": ("mail/relay", "ops/"),
    "alembic": ("ops/",),
    "argon2": ("crypto/passwords.py",),
    "asn1crypto": ("crypto/",),
    "babel": ("portal/language.py", "portal/words.py"),
    "celery": ("ops/",),
    "cryptography": ("crypto/",),
    "dns": ("mail/relay", "mail/next_hop", "ops/"),
    "email_validator": ("core/address.py",),
    "fastapi": ("portal/",),
    "httpx2": ("portal/", "ops/", "instant/", "directory/publication"),
    "jinja2": ("portal/",),
    "joserfc": ("crypto/", "portal/"),
    "kombu": ("ops/",),
    "lxml": ("record/unpack/", "record/pack/", "directory/", "crypto/xmldsig.py", "crypto/xades.py"),
    "nh3": ("portal/",),
    "aiohttp": ("instant/client.py",),  # what nio raises when the line is cut
    "nio": ("instant/client.py", "instant/device.py"),
    "pkcs11": ("crypto/",),
    "prometheus_client": ("ops/", "portal/"),
    "psycopg": ("core/",),
    "pydantic": ("core/setting", "core/manual.py", "portal/", "ops/"),
    # Its JSON alone: a third to two thirds of the time of the standard library's.
    "msgspec": ("core/logjson.py", "core/value.py", "mail/meta.py"),
    "pydantic_core": ("directory/edition/forked.py", "mail/meta.py", "mail/part.py"),
    "pydantic_settings": ("core/settings.py",),
    "pyhanko": ("crypto/pdf_signature.py",),  # reads signed PDFs; loaded only where there is one
    "pyhanko_certvalidator": ("crypto/",),
    "fontTools": ("record/pack/",),
    "fpdf": ("record/pack/",),
    "pypdfium2": ("record/",),
    "numpy": ("record/reading/rapid_child.py",),
    "rapidocr": ("record/reading/rapid_child.py",),  # Apache-2.0; an extra, in a process of its own
    "rapidfuzz": ("record/medicines/", "directory/nearness.py"),
    "rich": ("ops/",),
    "segno": ("portal/",),
    "sqlalchemy": ("core/", "directory/", "mail/", "record/", "instant/", "portal/", "ops/"),
    "starlette": ("portal/",),
    "stdnum": ("core/ins.py", "directory/"),  # NIR; Luhn of RPPS and FINESS
    "structlog": ANYWHERE,
    "typer": ("ops/",),
    "synapse": ("instant/synapse_module.py", "instant/synapse_child.py"),  # in the homeserver's process, not ours
    "uvicorn": ("ops/",),
    "uvloop": ("ops/",),
    "webauthn": ("portal/",),
    "vodozemac": ("instant/signing.py", "instant/foreign_keys.py"),  # nio's cryptography, where nio leaves off
    "zxcvbn": ("crypto/weak_passwords.py",),  # MIT; 30,000 leaked passwords, patterns
    "zxingcpp": ("record/reading/",),
}
NEVER = {  # of the standard library, and why
    "marshal": "runs what it reads",
    "pickle": "runs what it reads",
    "shelve": "runs what it reads",
    "xml.etree": "lxml, set strictly, reads our XML",
    "xml.dom": "lxml, set strictly, reads our XML",
    "xml.sax": "lxml, set strictly, reads our XML",
    "smtpd": "gone",
    "unittest.mock": "tests only, and not of our own code",
}
COMES_WITH = {
    "starlette": "fastapi",
    "kombu": "celery",
    "aiohttp": "matrix-nio",
    "vodozemac": "matrix-nio",
    "numpy": "rapidocr",
}  # imported, but declared by their parents
NOT_IMPORTED = {
    "psycopg": "by its name in the database URL",
    "redis": "by its name in the broker URL",
    "uvloop": "by uvicorn and asyncio, where it is there",
    "python-multipart": "by FastAPI, for forms",
}


def outside():
    for path in sources():
        for found in imports(path):
            if found.top and found.top not in FLOORS and found.top not in sys.stdlib_module_names:
                yield found


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def declared():
    return _named(project()["dependencies"])


def optional():
    """What an administrator may add."""
    return _named(project()["optional-dependencies"]["ocr"])


def _named(lines):
    return {re.split(r"[\[<>=!~; ]", line)[0].lower() for line in lines}


installed = cache(packages_distributions)  # reads the metadata of everything there is


def distributions(top):
    return {name.lower().replace("_", "-") for name in installed().get(top, [top])}


def test_libraries_are_imported_where_the_table_says():
    astray = {str(found) for found in outside() if not found.path.startswith(PLACES.get(found.top, ()))}
    assert not astray


def test_what_is_never_imported():
    names = tuple(NEVER)
    astray = [
        str(found)
        for path in sources()
        for found in imports(path)
        if found.module in names or found.module.startswith(tuple(f"{name}." for name in names))
    ]
    assert not astray


def test_whatever_is_imported_is_declared():
    tops = {found.top for found in outside()}
    known = declared() | optional()
    missing = {top for top in tops if not distributions(COMES_WITH.get(top, top)) & known}
    assert not missing


def test_whatever_is_declared_is_imported():
    used = {name for found in outside() for name in distributions(found.top)}
    idle = declared() - used - NOT_IMPORTED.keys()
    assert not idle


def test_the_lock_holds_what_is_declared_with_hashes():
    lock = (ROOT / "requirements" / "run.txt").read_text(encoding="utf-8").lower()
    pinned = set(re.findall(r"^([a-z0-9_.\-]+)(?:\[[^\]]*\])?==", lock, re.MULTILINE))
    assert declared() <= pinned
    assert lock.count("--hash=sha256:") >= len(pinned)
