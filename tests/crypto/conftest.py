"""Certificates in files, made once for the tests that read them."""

from pathlib import Path

import pytest

from tests.support.tls_memory import make_files


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_files(tmp_path_factory.mktemp("tls"))
