"""The homeserver's files: homeserver.yaml (JSON, which YAML contains), log settings, signing key, workers' files."""

import base64
import json
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from core.settings import Settings
from crypto.keyring import Keyring
from instant import homeserver_proxy as proxy

HOMESERVER, LOGGING, SIGNING = "homeserver.yaml", "logging.yaml", "signing.key"
FIRST_PORT = 9093  # of those on loopback between the processes: the main one, then each worker
OIDC, CLIENT = "/oidc", "synapse"  # our own OpenID provider, below the address of the pages; its one client


@dataclass(frozen=True)
class Secrets:
    """All from the keyring's root: the same after each start, kept nowhere else but in Synapse's file."""

    gate: str
    service: str
    registration: str
    macaroon: str
    form: str
    signing_seed: bytes
    pickle: str
    oidc: str
    replication: str

    @classmethod
    def of(cls, keyring: Keyring) -> "Secrets":
        """Derive them."""
        names = ("gate", "service", "registration", "macaroon", "form", "pickle", "oidc", "replication")
        texts = {name: keyring.mac("matrix-secret", name.encode()).hex() for name in names}
        return cls(**texts, signing_seed=keyring.mac("matrix-secret", b"signing"))

    def __repr__(self) -> str:
        return "Secrets()"


@dataclass(frozen=True)
class Places:
    """Where Synapse listens and keeps its things, where it finds the gate."""

    folder: Path
    host: str
    port: int
    gate_url: str
    inner: int = FIRST_PORT

    def worker_port(self, number: int) -> int:
        """Where the `number`th worker listens on loopback, the first being 1."""
        return self.inner + number


def write_files(settings: Settings, secrets: Secrets, places: Places, *, workers: int = 0) -> list[Path]:
    """All files, mode 0600, replaced whole. Returns their paths. Raises OSError."""
    places.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = {
        HOMESERVER: _json(homeserver(settings, secrets, places, workers=workers)),
        LOGGING: _json(_logging(places.folder)),
        SIGNING: f"ed25519 a_pli {_unpadded(secrets.signing_seed)}\n",
    }
    files |= {f"worker-{n}.yaml": _json(_worker(places, n)) for n in range(1, workers + 1)}
    if workers:
        addresses = [f"127.0.0.1:{places.worker_port(n)}" for n in range(1, workers + 1)]
        main = f"{places.host}:{places.port}"
        files[proxy.FILE] = proxy.site(settings.matrix_server, main, addresses, settings.matrix.media_octets)
    return [_write(places.folder / name, text) for name, text in files.items()]


def homeserver(settings: Settings, secrets: Secrets, places: Places, *, workers: int = 0) -> dict[str, Any]:
    """Synapse's configuration. Its manual: "Configuring Synapse"."""
    chosen = settings.matrix
    return {
        "server_name": settings.matrix_server,
        "pid_file": str(places.folder / "homeserver.pid"),
        "public_baseurl": settings.matrix_url + "/",
        "listeners": _listeners(places, federated=bool(chosen.trusted_servers), workers=workers),
        "database": _database(chosen.database_url, places.folder),
        "log_config": str(places.folder / LOGGING),
        "signing_key_path": str(places.folder / SIGNING),
        "media_store_path": str(places.folder / "media"),
        "registration_shared_secret": secrets.registration,
        "macaroon_secret_key": secrets.macaroon,
        "form_secret": secrets.form,
        "modules": [
            {
                "module": "instant.synapse_module.PliPolicy",
                "config": {"url": places.gate_url, "secret": secrets.gate},
            }
        ],
        **_closed(list(chosen.trusted_servers)),
        **_rooms(),
        **_kept(settings),
        **_limits(settings.production),
        **_sign_in(settings, secrets),
        **(_workers(workers, places, chosen.redis_url, secrets.replication) if workers else {}),
    }


def _closed(trusted: list[str]) -> dict[str, Any]:
    """Nobody registers, no stranger server is spoken to, nothing is fetched from the web."""
    return {
        "enable_registration": False,
        "allow_guest_access": False,
        "federation_domain_whitelist": trusted,
        "trusted_key_servers": [],
        "suppress_key_server_warning": True,
        "url_preview_enabled": False,
        "report_stats": False,
        "enable_3pid_lookup": False,
        "enable_3pid_changes": False,
        "enable_set_displayname": False,
        "enable_set_avatar_url": False,
        "allow_device_name_lookup_over_federation": False,
        "require_auth_for_profile_requests": True,
    }


def _rooms() -> dict[str, Any]:
    nobody = [{"action": "deny"}]
    return {
        "encryption_enabled_by_default_for_room_type": "all",
        "allow_public_rooms_without_auth": False,
        "allow_public_rooms_over_federation": False,
        "alias_creation_rules": nobody,
        "room_list_publication_rules": nobody,
        "allow_per_room_profiles": False,
        "forget_rooms_on_leave": True,
        "user_directory": {"enabled": True, "search_all_users": True, "prefer_local_users": True},
        "push": {"include_content": False},  # never who wrote what in a notification
    }


def _kept(settings: Settings) -> dict[str, Any]:
    chosen = settings.matrix
    found: dict[str, Any] = {
        "max_upload_size": chosen.media_octets,
        "presence": {"enabled": chosen.presence},
        "redaction_retention_period": "7d",
        "user_ips_max_age": "28d",
    }
    if chosen.retention_days:
        longest = f"{chosen.retention_days}d"
        found["retention"] = {"enabled": True, "default_policy": {"max_lifetime": longest}}
    if chosen.media_days:
        found["media_retention"] = {"local_media_lifetime": f"{chosen.media_days}d"}
    return found


def _limits(production: bool) -> dict[str, Any]:
    """Codes are long and used once: the gate counts the wrong ones; here a moderate bound, none for demonstrations."""
    login = {"per_second": 1, "burst_count": 20} if production else {"per_second": 1000, "burst_count": 1000}
    found: dict[str, Any] = {"rc_login": {"address": login, "account": login, "failed_attempts": login}}
    if not production:
        many = {"per_second": 1000, "burst_count": 1000}
        one_by_one = ("rc_message", "rc_registration", "rc_admin_redaction", "rc_room_creation", "rc_user_directory")
        found |= dict.fromkeys(one_by_one, many)
        found |= {"rc_joins": {"local": many, "remote": many}, "rc_joins_per_room": many}
        found |= {"rc_invites": {"per_room": many, "per_user": many, "per_issuer": many}}
    return found


def callback(settings: Settings) -> str:
    """Where the homeserver takes the answer of an OpenID provider."""
    return f"{settings.matrix_url}/_synapse/client/oidc/callback"


def _sign_in(settings: Settings, secrets: Secrets) -> dict[str, Any]:
    """Codes as passwords; the pages as OpenID provider, or the operator's own issuer. No local passwords."""
    chosen = settings.matrix
    found: dict[str, Any] = {"password_config": {"enabled": True, "localdb_enabled": False}}
    found["bcrypt_rounds"] = 4  # of passwords that nobody can use: the gate decides on each login
    found["oidc_providers"] = [(_operators(settings) if chosen.oidc_issuer else _pages(settings, secrets)) | _MAPPED]
    return found


_MAPPED: dict[str, Any] = {  # only accounts that we have made enter
    "idp_id": "pli",
    "scopes": ["openid"],
    "allow_existing_users": True,
    "enable_registration": False,
    "user_mapping_provider": {"config": {"localpart_template": "{{ user.preferred_username }}"}},
}


def _operators(settings: Settings) -> dict[str, Any]:
    chosen = settings.matrix
    facts = {"issuer": chosen.oidc_issuer, "client_id": chosen.oidc_client_id}
    return facts | {"idp_name": "Pro Santé Connect", "client_secret": chosen.oidc_client_secret}


def _pages(settings: Settings, secrets: Secrets) -> dict[str, Any]:
    """Our own pages: browsers by their public address, the homeserver on this machine, hence not always by TLS."""
    listen, issuer = settings.listen, settings.pages_url + OIDC
    inside = f"http://{listen.host}:{listen.port('http')}{OIDC}"
    return {
        "idp_name": "Pli",
        "issuer": issuer,
        "client_id": CLIENT,
        "client_secret": secrets.oidc,
        "discover": False,
        "authorization_endpoint": f"{issuer}/autoriser",
        "token_endpoint": f"{inside}/jeton",
        "jwks_uri": f"{inside}/cles",
        "skip_verification": True,  # of addresses alone: it would refuse those of the loopback
        "pkce_method": "always",
        "id_token_signing_alg_values_supported": ["ES256"],
    }


def _listeners(places: Places, *, federated: bool, workers: int) -> list[dict[str, Any]]:
    names = ["client", "federation"] if federated else ["client"]
    found: list[dict[str, Any]] = [
        {
            "port": places.port,
            "bind_addresses": [places.host],
            "type": "http",
            "tls": False,
            "x_forwarded": True,
            "resources": [{"names": names, "compress": False}],
        }
    ]
    if workers:
        resources = [{"names": ["replication"]}]
        found.append({"port": places.inner, "bind_addresses": ["127.0.0.1"], "type": "http", "resources": resources})
    return found


def _database(url: str, folder: Path) -> dict[str, Any]:
    if not url:
        return {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}}
    scheme, _, rest = url.partition("://")
    return {"name": "psycopg2", "args": {"dsn": f"{scheme.partition('+')[0]}://{rest}", "cp_min": 5, "cp_max": 10}}


def _workers(count: int, places: Places, redis_url: str, secret: str) -> dict[str, Any]:
    """Redis between the processes; the first worker writes events, all serve clients."""
    hosts = {f"pli{n}": {"host": "127.0.0.1", "port": places.worker_port(n)} for n in range(1, count + 1)}
    main = {"main": {"host": "127.0.0.1", "port": places.inner}}
    return {
        "redis": _redis(redis_url),
        "instance_map": main | hosts,
        "stream_writers": {"events": ["pli1"]},
        "worker_replication_secret": secret,
    }


def _redis(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    found: dict[str, Any] = {"enabled": True, "host": parts.hostname or "127.0.0.1", "port": parts.port or 6379}
    if parts.password:
        found["password"] = unquote(parts.password)
    if parts.path.strip("/"):
        found["dbid"] = int(parts.path.strip("/"))
    return found


def _worker(places: Places, number: int) -> dict[str, Any]:
    resources = [{"names": ["client", "replication"]}]
    listener = {"type": "http", "port": places.worker_port(number), "bind_addresses": ["127.0.0.1"]}
    return {
        "worker_app": "synapse.app.generic_worker",
        "worker_name": f"pli{number}",
        "worker_listeners": [listener | {"x_forwarded": True, "resources": resources}],
        "worker_log_config": str(places.folder / LOGGING),
    }


def _logging(folder: Path) -> dict[str, Any]:
    """Warnings only: at a lower level Synapse writes who spoke with whom."""
    handler = {"class": "logging.handlers.WatchedFileHandler", "filename": str(folder / "homeserver.log")}
    return {
        "version": 1,
        "formatters": {"short": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {"file": handler | {"formatter": "short"}},
        "root": {"level": "WARNING", "handlers": ["file"]},
        "disable_existing_loggers": False,
    }


def prepare_sqlite(folder: Path) -> None:
    """A write-ahead log, which Synapse does not choose by itself."""
    with sqlite3.connect(folder / "homeserver.db") as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    connection.close()


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _unpadded(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _write(path: Path, text: str) -> Path:
    coming = path.with_name(f"{path.name}.coming")
    handle = os.open(coming, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    coming.rename(path)
    return path
