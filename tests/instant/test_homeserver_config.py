"""What the settings make of Synapse's files; that Synapse runs on them is shown by the tests beside this one."""

import json
import stat
from pathlib import Path
from typing import Any

from core.settings import Settings
from crypto.keyring import FileKeyring
from instant.homeserver_config import Places, Secrets, homeserver, write_files


def made(home: Path, workers: int = 0, **matrix: Any) -> dict[str, Any]:
    """The main file, where the operator has chosen these settings."""
    settings = Settings.load(home, matrix={"enabled": True, "server_name": "chat.test", **matrix})
    secrets = Secrets.of(FileKeyring.create(home / "keyring.json"))
    return homeserver(settings, secrets, places(home), workers=workers)


def places(home: Path, inner: int = 9300) -> Places:
    return Places(home / "synapse", "127.0.0.1", 8008, "http://127.0.0.1:1/", inner)


def test_closed_as_long_as_nothing_is_chosen(tmp_path: Path) -> None:
    found = made(tmp_path)
    closed = ("enable_registration", "allow_guest_access", "url_preview_enabled", "enable_set_displayname")
    assert [found[name] for name in closed] == [False] * len(closed)
    assert found["federation_domain_whitelist"] == []
    assert [each["names"] for one in found["listeners"] for each in one["resources"]] == [["client"]]
    assert found["encryption_enabled_by_default_for_room_type"] == "all"
    assert found["presence"] == {"enabled": False} and found["push"] == {"include_content": False}
    assert "retention" not in found and "media_retention" not in found
    assert found["database"]["name"] == "sqlite3" and "redis" not in found
    assert found["password_config"]["localdb_enabled"] is False


def test_what_is_chosen_reaches_it(tmp_path: Path) -> None:
    chosen = {"trusted_servers": ("ami.test",), "retention_days": 90, "media_days": 30, "media_octets": 1000}
    found = made(tmp_path, presence=True, **chosen)
    assert found["federation_domain_whitelist"] == ["ami.test"]
    assert found["listeners"][0]["resources"][0]["names"] == ["client", "federation"]
    assert found["retention"] == {"enabled": True, "default_policy": {"max_lifetime": "90d"}}
    assert found["media_retention"] == {"local_media_lifetime": "30d"}
    assert (found["max_upload_size"], found["presence"]) == (1000, {"enabled": True})


def test_the_operators_database_redis_and_workers(tmp_path: Path) -> None:
    urls = {"database_url": "postgresql+psycopg://s:p%40@db/synapse", "redis_url": "redis://:a%2Fb@cache:7000/3"}
    found = made(tmp_path, workers=2, **urls)
    assert found["database"]["name"] == "psycopg2"
    assert found["database"]["args"]["dsn"] == "postgresql://s:p%40@db/synapse"
    assert found["redis"] == {"enabled": True, "host": "cache", "port": 7000, "password": "a/b", "dbid": 3}
    ports = {name: place["port"] for name, place in found["instance_map"].items()}
    assert ports == {"main": 9300, "pli1": 9301, "pli2": 9302}
    assert [one["port"] for one in found["listeners"]] == [8008, 9300]


def test_the_files_are_ours_alone_and_agree(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path, matrix={"server_name": "chat.test"})
    secrets = Secrets.of(FileKeyring.create(tmp_path / "keyring.json"))
    files = write_files(settings, secrets, places(tmp_path), workers=2)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    ports = [json.loads((tmp_path / "synapse" / f"worker-{n}.yaml").read_text())["worker_listeners"] for n in (1, 2)]
    assert [one[0]["port"] for one in ports] == [9301, 9302]
    site = (tmp_path / "synapse" / "nginx-chat.conf").read_text()
    assert all(f"server 127.0.0.1:{port};" in site for port in (9301, 9302))
    assert "proxy_pass http://127.0.0.1:8008;" in site and "_synapse/admin" not in site
    assert not [word for word in vars(secrets).values() if str(word) in site]
