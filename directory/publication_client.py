"""The national annuaire's API-MSS by HTTPS: what a carrier holds, and FHIR Patch on it, found by its identifier.

A draft of the ANS: the address at which it will write is not told yet, so it is a setting, empty until then.
"""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from core.errors import BadInput, Permanent, Temporary
from directory.publication_patch import Encoding

KEY_HEADER = "ESANTE-API-KEY"
FHIR_JSON = "application/fhir+json"
TIMEOUT_S = 30.0
MOST_OCTETS = 4_000_000  # a carrier with its mailboxes; more is no answer of this API
RESOURCES = {"practitioner": "Practitioner", "role": "PractitionerRole", "organization": "Organization"}
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_PRACTITIONER, _ROLE = "urn:oid:1.2.250.1.71.4.2.1", "https://rpps.esante.gouv.fr"
_STRUCTURES = {"1": "https://finess.esante.gouv.fr", "3": "https://sirene.fr"}  # by the digit before the number
_ANY_STRUCTURE = "urn:oid:1.2.250.1.71.4.2.2"
# What an answer means, in words for our log and our list: never what the peer says, which may hold names.
REFUSALS = {
    400: "malformed",
    404: "carrier-unknown",
    409: "conflict",
    410: "carrier-gone",
    412: "carrier-ambiguous",
    422: "address-taken",
}


class NotTold(Permanent):
    """The annuaire refuses. `reason` is a word of a closed list."""

    def __init__(self, reason: str) -> None:
        super().__init__("l'annuaire national refuse cette publication", f"publication: {reason}")
        self.reason = reason


class NotReached(Temporary):
    """It does not answer, not in time, not in form, or not to this key."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """A resource of the annuaire by its identifier: `identifier` is `system|value`."""

    type: str
    identifier: str


def carrier_of(kind: str, key: str) -> Carrier:
    """`kind` and `key` as our publications name them: national id, activity id, structure id. Raises BadInput."""
    if kind not in RESOURCES or not key.isalnum() or not key.isascii():
        raise BadInput("porteur mal formé", "malformed carrier")
    if kind == "practitioner":
        return Carrier("Practitioner", f"{_PRACTITIONER}|{key}")
    if kind == "role":
        return Carrier("PractitionerRole", f"{_ROLE}|{key}")
    system = _STRUCTURES.get(key[0], "")
    return Carrier("Organization", f"{system}|{key[1:]}" if system else f"{_ANY_STRUCTURE}|{key}")


class NationalAnnuaire:
    """One API. `base`: https, or this very machine. Raises BadInput."""

    def __init__(self, base: str, key: str, encoding: Encoding, tls: ssl.SSLContext | bool = True) -> None:
        self._base, self._key, self._tls, self.encoding = base.rstrip("/"), key, tls, encoding
        url = httpx2.URL(self._base)
        if url.scheme != "https" and not (url.scheme == "http" and url.host in _LOOPBACK):
            raise BadInput("annuaire.publication: https is needed", "publication without TLS")

    def telecoms(self, carrier: Carrier) -> list[Mapping[str, Any]]:
        """What the carrier holds. Raises NotTold (unknown, several), NotReached."""
        asked = {"identifier": carrier.identifier, "_elements": "identifier,telecom"}
        found = self._ask("GET", carrier, asked)
        entries = found.get("entry") or []
        resources = [one.get("resource", {}) for one in entries if isinstance(one, Mapping)]
        if len(resources) != 1:
            raise NotTold("carrier-ambiguous" if resources else "carrier-unknown")
        held = resources[0].get("telecom") or []
        return [one for one in held if isinstance(one, Mapping)]

    def patch(self, carrier: Carrier, parameters: Mapping[str, Any]) -> None:
        """Done when it returns. Raises NotTold, NotReached."""
        self._ask("PATCH", carrier, {"identifier": carrier.identifier}, parameters)

    def _ask(
        self, method: str, carrier: Carrier, query: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        headers = {KEY_HEADER: self._key, "Accept": FHIR_JSON, "Content-Type": FHIR_JSON}
        try:
            with (
                httpx2.Client(verify=self._tls, timeout=TIMEOUT_S, follow_redirects=False) as client,
                client.stream(
                    method, f"{self._base}/{carrier.type}", params=dict(query), json=body, headers=headers
                ) as answer,
            ):
                return _understood(answer)
        except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError) as error:
            raise NotReached("l'annuaire national ne répond pas", f"publication: {type(error).__name__}") from None


def _understood(answer: httpx2.Response) -> Mapping[str, Any]:
    status = answer.status_code
    if status in REFUSALS:
        raise NotTold(REFUSALS[status])
    if status != 200:
        raise NotReached("l'annuaire national ne répond pas", f"publication: HTTP {status}")
    data = b""
    for part in answer.iter_bytes():
        data += part
        if len(data) > MOST_OCTETS:
            raise NotReached("réponse trop longue de l'annuaire national", "publication: endless answer")
    return _parsed(data)


def _parsed(data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, Mapping):
        raise NotReached("réponse illisible de l'annuaire national", "publication: no FHIR")
    return found
