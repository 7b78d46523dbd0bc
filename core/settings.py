"""Every setting of an operator: built-in default, `HOME/pli.toml`, `PLI_…` variables, command line; the last one wins.

A variable names its table with two underscores: `PLI_LISTEN__PORT_OFFSET=1000`. What is not understood is refused in
one line that never repeats the value, which may be a password.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource
from pydantic_settings import SettingsError as Unreadable

from core import setting_groups as groups
from core import setting_trust
from core.errors import Permanent
from core.setting_notices import Notices, Orders
from core.setting_sending import Sending

PREFIX = "PLI_"
BETWEEN = "__"
DEFAULT_HOME = Path("var/demo")
FILE_NAME = "pli.toml"
_FOREIGN = ("PLI_TEST_",)  # variables of the test suite, not of the operator


class BadSettings(Permanent):
    """A setting is unknown, of the wrong kind, or does not go with another. One line, without the value."""


class Settings(BaseSettings):
    """All settings, frozen. Read them with `Settings.load`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=BETWEEN,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    home: Path = Field(
        default=DEFAULT_HOME, description="The instance's folder. Set by --home or PLI_HOME, not in this file."
    )
    environment: Literal["demo", "test", "production"] = Field(
        default="demo", description="Real identities live in production only, invented ones everywhere else only."
    )
    insecure_loopback: bool = Field(
        default=False, description="For load tools: login and mail without TLS from 127.0.0.1. Refused outside demo."
    )
    database: groups.Database = Field(default=groups.Database(), description="Where the rows are.")
    listen: groups.Listen = Field(default=groups.Listen(), description="Addresses and ports.")
    tls: setting_trust.Tls = Field(default=setting_trust.Tls(), description="Certificates of the listeners.")
    identity: groups.Identity = Field(default=groups.Identity(), description="Whose patients, under which OID.")
    limits: groups.Limits = Field(default=groups.Limits(), description="How much we take.")
    mail: groups.Mail = Field(default=groups.Mail(), description="Mailboxes and what they keep.")
    outbox: groups.Outbox = Field(default=groups.Outbox(), description="The queue of promises.")
    worker: groups.Worker = Field(default=groups.Worker(), description="Who keeps the promises.")
    record: groups.Record = Field(default=groups.Record(), description="Documents filed into the patient record.")
    relay: groups.Relay = Field(default=groups.Relay(), description="Mail to other operators.")
    antivirus: groups.Antivirus = Field(default=groups.Antivirus(), description="Scanning of mail for viruses.")
    psc: groups.ProSanteConnect = Field(
        default=groups.ProSanteConnect(), description="Sign-in of professionals on the pages (OpenID Connect)."
    )
    orders: Orders = Field(default=Orders(), description="Orders at the pharmacy.")
    notices: Notices = Field(
        default=Notices(), description="Everyday e-mail that says that something came, to those who asked."
    )
    sending: Sending = Field(default=Sending(), description="What our mail says of this product.")
    tokens: setting_trust.Tokens = Field(default=setting_trust.Tokens(), description="Login by access token.")
    matrix: groups.Matrix = Field(default=groups.Matrix(), description="Chat between professionals, over Matrix.")
    annuaire: groups.Annuaire = Field(default=groups.Annuaire(), description="The national directory and its doors.")
    trust: setting_trust.Trust = Field(default=setting_trust.Trust(), description="The signed list of trusted domains.")
    keyring: groups.Keyring = Field(default=groups.Keyring(), description="Where the keys of everything are.")
    audit: groups.Audit = Field(default=groups.Audit(), description="The trail of accesses and its witness.")
    logs: groups.Logs = Field(default=groups.Logs(), description="Logs and traces.")

    @classmethod
    def load(cls, home: Path | str | None = None, **overrides: Any) -> Self:
        """Reads all sources; `overrides` win: `Settings.load(home, listen={"port_offset": 1000})`.

        Raises BadSettings.
        """
        chosen = Path(home or os.environ.get(PREFIX + "HOME") or DEFAULT_HOME)
        try:
            _refuse_unknown_variables(cls)
            return cls(home=chosen, **overrides)
        except ValidationError as error:
            raise _in_one_line(error) from None
        except Unreadable as error:
            raise BadSettings("a PLI_ variable is not written in JSON where a list is asked for") from error
        except (ValueError, OSError) as error:  # TOML syntax, encoding, rights
            raise BadSettings(f"{FILE_NAME} cannot be read: {_short(error)}") from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        home = Path(init_settings().get("home") or os.environ.get(PREFIX + "HOME") or DEFAULT_HOME)
        file = TomlConfigSettingsSource(settings_cls, toml_file=home / FILE_NAME)
        if "home" in file.toml_data:
            raise BadSettings(f"{FILE_NAME} does not say where it lies: remove `home`")
        return init_settings, env_settings, file

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.insecure_loopback and self.environment != "demo":
            raise ValueError("insecure_loopback is for the demo only")
        if not groups.oid_fits(self.ins_oid, self.production):
            raise ValueError("identity.ins_oid does not go with this environment")
        if not self.worker.embedded and self.worker.broker.startswith("memory:"):
            raise ValueError("worker.broker memory:// reaches no other process: set worker.embedded, or another broker")
        if not self.worker.embedded and self.database_url.startswith("sqlite"):
            raise ValueError("database.url: several processes need PostgreSQL")
        if max(self.listen.port(name) for name in _PORTS) > 65535:
            raise ValueError("listen.port_offset pushes a port beyond 65535")
        if self.trust.source and not self.trust.signer:
            raise ValueError("trust.source needs trust.signer: whose list it is")
        return self

    @property
    def production(self) -> bool:
        return self.environment == "production"

    @property
    def database_url(self) -> str:
        return self.database.url or f"sqlite:///{(self.home / 'pli.db').absolute()}"

    @property
    def ins_oid(self) -> str:
        """The OID under which this environment writes an INS."""
        return self.identity.ins_oid or groups.default_oid(self.production)

    @property
    def authserv_id(self) -> str:
        return self.identity.authserv_id or self.listen.hostname

    @property
    def matrix_server(self) -> str:
        """The right side of our Matrix ids."""
        return self.matrix.server_name or self.listen.hostname

    @property
    def matrix_url(self) -> str:
        """Where Matrix clients connect, as seen from this machine."""
        return self.matrix.url or self.matrix_main

    @property
    def matrix_main(self) -> str:
        """The homeserver's main process, on this machine: it is administered there, never from outside."""
        return f"http://{self.listen.host}:{self.listen.port('matrix')}"

    @property
    def pages_url(self) -> str:
        """Where browsers find the pages."""
        listen = self.listen
        return f"https://{listen.hostname}" if listen.https else f"http://{listen.host}:{listen.port('http')}"

    @property
    def certificate(self) -> Path:
        return self._within(self.tls.certificate, "tls/server.pem")

    @property
    def key(self) -> Path:
        return self._within(self.tls.key, "tls/server.key")

    @property
    def ca_file(self) -> Path:
        return self._within(self.tls.ca_file, "tls/ca.pem")

    @property
    def patient_authority(self) -> tuple[Path, Path]:
        """Certificate and key of the authority for patients' keys; the key may be missing."""
        own = self.tls.patient_authority
        return self.home / own if own else self.ca_file, self._within(self.tls.patient_authority_key, "tls/ca.key")

    @property
    def crl_file(self) -> Path:
        return self._within(self.tls.crl_file, "tls/crl.pem")

    @property
    def list_anchors(self) -> Path:
        """Authorities that may certify the signer of the list of trusted domains."""
        return self._within(self.trust.anchors, "") if self.trust.anchors else self.ca_file

    @property
    def token_keys(self) -> Path:
        """The issuer's keys where they are a file."""
        return self._within(self.tokens.keys, "tokens/jwks.json")

    @property
    def checkpoints(self) -> Path:
        return self._within(self.audit.checkpoints, "audit/checkpoints")

    @property
    def relay_certificate(self) -> Path:
        """What we show to other operators."""
        return self._within(self.relay.certificate, "tls/relay.pem")

    @property
    def relay_key(self) -> Path:
        return self._within(self.relay.key, "tls/relay.key")

    def _within(self, path: str, default: str) -> Path:
        return self.home / (path or default)  # an absolute path stays as it is


_PORTS: tuple[groups.PortName, ...] = (
    "mx",
    "submission",
    "submissions",
    "imap",
    "imaps",
    "http",
    "matrix",
    "ldap",
    "ldaps",
)


def names(model: type[BaseModel] = Settings, path: str = "") -> Iterator[str]:
    """Each setting by its dotted name, such as `listen.port_offset`; tables are not settings."""
    for name, info in model.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from names(kind, f"{path}{name}.")
        else:
            yield path + name


def _refuse_unknown_variables(model: type[Settings]) -> None:
    known = {PREFIX + name.upper().replace(".", BETWEEN) for name in names(model)}
    known |= {PREFIX + name.upper() for name in model.model_fields}  # a whole table as JSON
    for variable in os.environ:
        name = variable.upper()
        if name.startswith(PREFIX) and name not in known and not name.startswith(_FOREIGN):
            raise BadSettings(f"unknown variable {variable}: `pli settings` lists what exists")


def _in_one_line(error: ValidationError) -> BadSettings:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(step) for step in first["loc"])
    if first["type"] == "extra_forbidden":
        return BadSettings(f"unknown setting {where}: `pli settings` lists what exists")
    what = first["msg"].removeprefix("Value error, ")
    return BadSettings(f"{where}: {what}" if where else what)


def _short(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error).splitlines()[0]
