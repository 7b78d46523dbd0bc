"""The house of the IMAP tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.db import Db
from mail.imap.services import Options
from tests.support.imap_dialogue import RawClient
from tests.support.imap_house import LEA, PASSWORD, ImapHouse, TlsFiles


@pytest.fixture(scope="session")
def tls_files(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return TlsFiles(tmp_path_factory.mktemp("tls"))


@pytest.fixture
async def house(db: Db, tmp_path: Path, tls_files: TlsFiles) -> AsyncIterator[ImapHouse]:
    built = ImapHouse(db, tmp_path, tls_files, Options(insecure_loopback=True))
    yield built
    await built.close()


@pytest.fixture
async def port(house: ImapHouse) -> int:
    """A server that takes passwords in clear from loopback."""
    return await house.serve()


@pytest.fixture
async def lea(port: int) -> AsyncIterator[RawClient]:
    """Logged in, INBOX not selected."""
    client = await RawClient.connect(port)
    await client.line()
    answer = await client.command(f'LOGIN {LEA} "{PASSWORD}"')
    assert answer[-1].startswith("x OK"), answer
    yield client
    await client.close()
