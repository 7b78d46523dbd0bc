"""The groups of settings, one table of `pli.toml` each. The descriptions are the manual; `core.settings` reads them.

A threshold for which no public text was found is our own default and says so. Sizes are octets unless the name says
otherwise, times are in the unit that the name ends with.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.ins import INVENTED_OIDS, OID_DEMO, OID_NIA, OID_NIR, OID_SEEN_2025, OID_TEST, REAL_OIDS

MIB = 1024 * 1024
Port = Annotated[int, Field(ge=1, le=65535)]
PortName = Literal["mx", "submission", "submissions", "imap", "imaps", "http", "matrix", "ldap", "ldaps"]
Positive = Annotated[int, Field(ge=1)]


class Group(BaseModel):
    """One table: nothing unknown in it, and nothing changes it once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Database(Group):
    url: str = Field(
        default="",
        repr=False,
        description="SQLAlchemy URL: sqlite:///… (one process) or postgresql://… (any number). Empty: HOME/pli.db.",
    )


class Listen(Group):
    host: str = Field(default="127.0.0.1", min_length=1, description="Address on which every listener waits.")
    hostname: str = Field(
        default="localhost",
        min_length=1,
        description="Our own name, in greetings, trace lines and the server certificate.",
    )
    port_offset: int = Field(default=0, ge=0, le=60000, description="Added to each port below.")
    mx: Port = Field(default=2525, description="SMTP from other operators, STARTTLS with a client certificate.")
    submission: Port = Field(default=2587, description="SMTP submission, STARTTLS.")
    submissions: Port = Field(default=2465, description="SMTP submission, implicit TLS.")
    imap: Port = Field(default=2143, description="IMAP, STARTTLS.")
    imaps: Port = Field(default=2993, description="IMAP, implicit TLS.")
    http: Port = Field(default=8025, description="Web pages, interfaces and health.")
    https: bool = Field(
        default=False,
        description="Browsers come by TLS, from a proxy of ours: cookies are bound to it, and HSTS is said.",
    )
    matrix: Port = Field(default=8008, description="Matrix clients, where chat is on and its homeserver is our child.")
    ldap: Port = Field(default=2389, description="The annuaire for mail clients (LDAPv3, read only), StartTLS.")
    ldaps: Port = Field(default=2636, description="The same, implicit TLS.")

    def port(self, name: PortName) -> int:
        """The port to listen on, offset included."""
        return int(getattr(self, name)) + self.port_offset


class Identity(Group):
    patient_domains: frozenset[str] = Field(
        default=frozenset({"patient.mssante.fr"}),
        min_length=1,
        description="Domains in which the local part is a matricule.",
    )
    authserv_id: str = Field(
        default="", description="Our name in Authentication-Results (RFC 8601). Empty: listen.hostname."
    )
    ins_oid: Literal["", "1.2.250.1.213.1.4.8", "1.2.250.1.213.1.4.10", "1.2.250.1.213.1.4.11"] = Field(
        default="",
        description="The OID under which we write an INS. Empty: INS-NIR in production (.8), that of test elsewhere "
        "(.10). Production refuses .10 and .11, everything else refuses .8.",
    )
    ins_oids_read: frozenset[str] = Field(
        default=frozenset({OID_NIR, OID_NIA, OID_TEST, OID_DEMO, OID_SEEN_2025}),
        description="OIDs taken for an INS when a document is read. Our default: no text closes the list.",
    )


class Limits(Group):
    message_octets: int = Field(
        default=25 * MIB, ge=64 * 1024, description="Largest message, told by SIZE; more gets 552. Our default: 25 MB."
    )
    recipients: int = Field(
        default=100, ge=100, le=1000, description="Recipients of one message (RFC 5321 §4.5.3.1.8)."
    )
    connections: Positive = Field(default=500, description="Connections at a time to one listener.")
    connections_per_client: Positive = Field(default=50, description="Connections at a time from one address.")
    session_hours: Positive = Field(
        default=4, description="Longest session of a person. Our default: that of Pro Santé Connect."
    )
    failed_logins: Positive = Field(default=5, description="Wrong passwords on one connection before it is closed.")


class Mail(Group):
    row_octets: int = Field(
        default=262144,
        ge=0,
        le=MIB,
        description="Largest sealed message kept in its row; larger ones are files under HOME/blobs.",
    )
    mailbox_mebibytes: int = Field(
        default=0,
        ge=0,
        description="What a mailbox may hold before its owner's programs can put no more in (RFC 9208); 0: no limit. "
        "Mail that comes in is never refused for it.",
    )
    dispensed_within_days: Positive = Field(
        default=365,
        description="A patient may write first to a pharmacy that dispensed reimbursed medicines within this time.",
    )
    inactive_days: int = Field(
        default=365,
        ge=0,
        description="A mailbox without login for so long is closed, after a warning (CNIL 2014-239: a year); 0: never.",
    )
    inactive_notice_days: Positive = Field(
        default=30,
        description="Days between that warning, which a login answers, and the closing. Our default.",
    )


class Outbox(Group):
    lease_seconds: Positive = Field(
        default=120, description="How long a worker holds a task before another may take it."
    )
    sweep_seconds: Positive = Field(default=5, description="How often due and expired tasks are looked for.")
    attempts: Positive = Field(default=12, description="Tries before a task is buried and shown by `pli doctor`.")


class Worker(Group):
    broker: str = Field(
        default="memory://", repr=False, description="Celery broker: memory:// (embedded only), amqp://… or redis://…"
    )
    embedded: bool = Field(
        default=True, description="The worker is a thread of `pli serve`; otherwise run `pli worker`."
    )
    concurrency: Positive = Field(default=2, description="Tasks that one worker does at a time.")


class Record(Group):
    types: tuple[str, ...] = Field(
        default=(
            "application/pdf",
            "image/jpeg",
            "image/png",
            "image/tiff",
            "text/plain",
            "application/rtf",
            "text/xml",
            "application/dicom",
            "application/fhir+json",
        ),
        min_length=1,
        description="Media types filed, judged by the bytes: what a patient can add, CDA R2 (text/xml), DICOM, "
        "FHIR documents.",
    )
    document_octets: Positive = Field(default=5 * MIB, description="Largest document filed (help pages: 5 MB).")
    retention_years: dict[str, Positive] = Field(default={}, description="Years kept, by class; other: the rest.")
    reminders: bool = Field(default=False, description="Remind patients of examinations, screening, renewals.")
    desk: str = Field(
        default="dossier@demo.mssante.test",
        description="Address of the service that asks patients for their consent; its domain is ours.",
    )


class Relay(Group):
    postmaster: str = Field(
        default="postmaster@demo.mssante.test",
        description="Address that tells senders what became of their mail; its domain is ours, its seal signs.",
    )
    routes: dict[str, str] = Field(
        default_factory=dict,
        description='Servers of domains that DNS does not tell, domain = "host" or "host:port". The certificate must '
        "bear that host, and be listed for the domain.",
    )
    resolvers: tuple[str, ...] = Field(
        default=(), description="Name servers, address or address:port. Empty: the machine's."
    )
    srv_service: str = Field(
        default="_smtp._tcp", description="SRV service asked before MX; empty: none. No public text names one."
    )
    port: Port = Field(default=25, description="Port of servers found by MX.")
    certificate: str = Field(
        default="",
        description="Client certificate shown to other operators (purpose clientAuth), PEM. Empty: HOME/tls/relay.pem.",
    )
    key: str = Field(default="", description="Its private key, PEM. Empty: HOME/tls/relay.key.")
    connections: Positive = Field(default=4, description="Connections at a time to one destination.")
    retry_first_seconds: Positive = Field(default=300, description="Least wait before another attempt; it doubles.")
    retry_longest_seconds: Positive = Field(default=4000, description="Longest wait between two attempts.")
    life_days: Positive = Field(
        default=5, description="Days until mail that cannot be handed over goes back (RFC 5321 §4.5.4.1)."
    )
    warning_hours: Positive = Field(default=4, description="Hours until the sender is told of a delay.")


class Antivirus(Group):
    clamd: str = Field(
        default="", description="ClamAV's daemon: a socket's path, or host:port. Empty: nothing is scanned."
    )
    when_down: Literal["refuse-attachments", "refuse-all", "accept-all"] = Field(
        default="refuse-attachments", description="What is taken while clamd does not answer; what is not gets 451."
    )


class ProSanteConnect(Group):
    issuer: str = Field(default="", description="`iss` of Pro Santé Connect; empty: it is not offered on the pages.")
    client_id: str = Field(default="", description="Our name there.")
    client_secret: str = Field(default="", repr=False, description="Our secret there.")


class Matrix(Group):
    enabled: bool = Field(default=False, description="Chat: start the homeserver and the bridge with `pli serve`.")
    server_name: str = Field(
        default="", description="Right side of every Matrix id; never changes later. Empty: listen.hostname."
    )
    url: str = Field(
        default="",
        description="Client address of a Synapse run beside us with the files of `pli chat config`. Empty: our child.",
    )
    database_url: str = Field(
        default="",
        repr=False,
        description="postgresql://… for Synapse (production). Empty: SQLite under HOME/matrix (one process).",
    )
    redis_url: str = Field(
        default="redis://127.0.0.1:6379", repr=False, description="Between Synapse's processes, where it has workers."
    )
    policy_port: int = Field(
        default=0, ge=0, le=65535, description="Loopback port where Synapse asks what is allowed; 0: any free one."
    )
    trusted_servers: tuple[str, ...] = Field(
        default=(), description="Server names with which rooms may be shared; none: no federation at all."
    )
    retention_days: int = Field(default=0, ge=0, description="Days until messages are purged from rooms; 0: never.")
    media_days: int = Field(default=0, ge=0, description="Days until files nobody opened are purged; 0: never.")
    media_octets: Positive = Field(default=25 * MIB, description="Largest file in a room.")
    presence: bool = Field(default=False, description="Show who is online.")
    code_minutes: Positive = Field(default=10, description="How long a single-use login code is valid. Our default.")
    oidc_issuer: str = Field(default="", description="Sign-in by this OpenID Connect issuer; empty: codes only.")
    oidc_client_id: str = Field(default="", description="Synapse's client id there.")
    oidc_client_secret: str = Field(default="", repr=False, description="Synapse's client secret there.")


class Annuaire(Group):
    shrink_percent: int = Field(
        default=10,
        ge=0,
        le=100,
        description="An extraction with so many percent fewer lines than the last is refused. Our default.",
    )
    rejected_percent: int = Field(
        default=5,
        ge=0,
        le=100,
        description="An extraction with more unreadable lines than that is refused. Our default.",
    )
    ldap_entries: Positive = Field(default=200, description="Most entries that one LDAP search gives. Our default.")
    ldap_seconds: Positive = Field(default=10, description="Longest time of one LDAP search. Our default.")
    publication: str = Field(
        default="",
        description="Base URL of the ANS mailbox publication API (API-MSS), a draft that is not open yet. Empty: what "
        "we publish is decided here, and told once there is an address.",
    )
    publication_key: str = Field(default="", repr=False, description="Our key there (ESANTE-API-KEY).")
    publication_type: Literal["code", "concept"] = Field(
        default="concept",
        description="How a mailbox's type is written there: its guide shows a code, its OpenAPI a concept.",
    )


class Keyring(Group):
    passphrase_file: str = Field(
        default="",
        description="File whose one line unlocks HOME/keyring.json. Empty: the systemd credential `pli-keyring` where "
        "there is one, else the file is not locked.",
    )
    pkcs11_module: str = Field(
        default="", description="Library of a PKCS#11 token that holds the keys, instead of the file. Empty: the file."
    )
    pkcs11_token: str = Field(default="pli", min_length=1, description="Label of the token.")
    pkcs11_pin_file: str = Field(default="pin", min_length=1, description="File whose one line is the token's PIN.")


class Audit(Group):
    checkpoints: str = Field(
        default="",
        description="File of the signed checkpoints of the trail, best on another disk or machine. Empty: "
        "HOME/audit/checkpoints.",
    )
    checkpoint_seconds: Positive = Field(default=60, description="A checkpoint so often, when anything was written.")
    checkpoint_entries: Positive = Field(default=5000, description="A checkpoint at once after so many entries.")


class Logs(Group):
    json_lines: bool = Field(default=True, description="One JSON object a line; otherwise lines for people.")
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is written."
    )

    metrics_token_file: str = Field(
        default="",
        description="File whose one line is asked for as bearer token at /metrics. Empty: the loopback alone, not by "
        "way of a proxy.",
    )
    trace_days: Positive = Field(
        default=183, description="How long the audit trail is kept (FAQ-IND: six months advised)."
    )


def default_oid(production: bool) -> str:
    """The OID written where none is set."""
    return OID_NIR if production else OID_TEST


def oid_fits(oid: str, production: bool) -> bool:
    """Production writes no invented identity, everything else no real one."""
    return oid not in (INVENTED_OIDS if production else REAL_OIDS)
