"""The groups of settings about certificates, lists and tokens; see `core.setting_groups`."""

from typing import Annotated

from pydantic import Field

from core.setting_groups import Group, Positive


class Tls(Group):
    certificate: str = Field(
        default="", description="Server certificate and its chain, PEM. Empty: HOME/tls/server.pem."
    )
    key: str = Field(default="", description="Private key of the server, PEM. Empty: HOME/tls/server.key.")
    ca_file: str = Field(
        default="", description="Authorities whose client certificates are taken, PEM. Empty: HOME/tls/ca.pem."
    )
    crl_file: str = Field(
        default="", description="Revocation lists of these authorities, PEM. Empty: HOME/tls/crl.pem."
    )
    crl_sources: tuple[str, ...] = Field(
        default=(),
        description="Where they are published: http://…, https://… or files. None: crl_file is yours to renew.",
    )
    crl_seconds: Annotated[int, Field(ge=5)] = Field(
        default=30, description="How often they are asked for newer ones: a revocation counts within a minute."
    )
    patient_authority: str = Field(
        default="",
        description="Authority with which we certify patients' signing keys, PEM. Empty: tls.ca_file.",
    )
    patient_authority_key: str = Field(
        default="",
        description="Its private key, PEM. Empty: HOME/tls/ca.key; without it patients' keys come from elsewhere.",
    )


class Tokens(Group):
    issuer: str = Field(
        default="", description="`iss` of the access tokens that open mailboxes. Empty: no token is taken."
    )
    audience: str = Field(default="pli", min_length=1, description="`aud` that tokens must name: us.")
    keys: str = Field(
        default="", description="The issuer's JWK set: https://… or a file. Empty: HOME/tokens/jwks.json."
    )
    algorithms: frozenset[str] = Field(
        default=frozenset({"RS256", "PS256", "ES256"}),
        min_length=1,
        description="Signature algorithms taken; each key narrows them further.",
    )
    keys_hours: Positive = Field(default=1, description="How often the keys are read again.")
    introspection: str = Field(
        default="",
        description="Where the issuer is asked whether a token still counts (RFC 7662). Empty: it is not asked.",
    )
    client_id: str = Field(default="", description="Our name at the issuer, for introspection.")
    client_secret: str = Field(default="", repr=False, description="Our secret at the issuer, for introspection.")


class Trust(Group):
    source: str = Field(
        default="",
        description="The signed list of trusted domains: https://…, http://… or a file. Empty: it is not fetched.",
    )
    anchors: str = Field(
        default="", description="Authorities that may certify its signer, PEM. Empty: those of tls.ca_file."
    )
    signer: str = Field(
        default="",
        description="Distinguished name that signs the list, such as CN=…,O=…,C=FR; without it no list is fetched.",
    )
    refresh_hours: Positive = Field(
        default=1, description="How often the list of trusted domains is fetched. Our default."
    )
    alert_hours: Positive = Field(
        default=24, description="Without a valid list for so long, `pli doctor` warns. Our default."
    )
    refuse_hours: Positive = Field(
        default=48, description="Without a valid list for so long, it is not used. Our default."
    )
