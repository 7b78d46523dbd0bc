"""The tree that clients see: one root, people and structures below it, the root DSE and the schema (RFC 4512 §4, §5).

A mailbox is one entry: mail clients complete addresses, and somebody with two mailboxes is two lines to choose from.
"""

import re
from collections.abc import Callable, Collection, Sequence

from directory.edition.card import PERSON, Box, Card, Place
from directory.ldap import messages as m

ROOT = "o=annuaire"
PEOPLE, PLACES = f"ou=personnes,{ROOT}", f"ou=structures,{ROOT}"
SCHEMA = "cn=Subschema"
NAMES = (
    "objectClass",
    "cn",
    "sn",
    "givenName",
    "displayName",
    "mail",
    "o",
    "ou",
    "l",
    "postalCode",
    "st",
    "street",
    "title",
    "description",
    "telephoneNumber",
    "uid",
    "businessCategory",
    "userCertificate",
)
KNOWN = frozenset(name.lower() for name in NAMES) | {"dn", "postaladdress", "streetaddress", "company", "email"}
# Names by which clients ask for the same (Thunderbird: company; old clients: email).
ALIASES = {
    "email": "mail",
    "company": "o",
    "streetaddress": "street",
    "organizationname": "o",
    "surname": "sn",
    "commonname": "cn",
    "locality": "l",
    "localityname": "l",
    "userid": "uid",
}

Attributes = dict[str, list[str]]


def dn_of(card: Card, box: Box) -> str:
    return f"mail={escaped(box.address)},{PEOPLE if card.type == PERSON else PLACES}"


def attributes_of(card: Card, box: Box, names: Collection[str] | None = None) -> Attributes:
    """By their names in lower case, all or those of `names`; none of them empty. A mailbox of no structure is found at
    each place of whom it is."""
    here = [one for one in card.places if box.structure_id and one.structure_id == box.structure_id]
    places = here or card.places
    wanted = _VALUES if names is None else [name for name in _VALUES if name in names]
    found = ((name, dict.fromkeys(_VALUES[name](card, box, places))) for name in wanted)
    return {name: kept for name, values in found if (kept := [value for value in values if value])}


def _name(card: Card, box: Box, _: Sequence[Place]) -> list[str]:
    if card.type == PERSON:
        return [card.name]
    return [" – ".join(part for part in (card.family, box.service) if part)]


def _classes(card: Card, *_: object) -> list[str]:
    return (
        ["top", "person", "organizationalPerson", "inetOrgPerson"]
        if card.type == PERSON
        else ["top", "organization", "inetOrgPerson"]
    )


_VALUES: dict[str, Callable[[Card, Box, Sequence[Place]], list[str]]] = {
    "objectclass": _classes,
    "cn": _name,
    "displayname": _name,
    "sn": lambda card, _, __: [card.family],
    "givenname": lambda card, _, __: [card.given],
    "mail": lambda _, box, __: [box.address],
    "o": lambda _, __, places: [place.name for place in places],
    "ou": lambda _, box, __: [box.service],
    "l": lambda _, __, places: [place.city for place in places],
    "postalcode": lambda _, __, places: [place.postcode for place in places],
    "st": lambda _, __, places: [place.department for place in places],
    "street": lambda _, __, places: [place.street for place in places],
    "title": lambda card, _, __: [card.profession],
    "description": lambda card, _, __: [card.specialty],
    "telephonenumber": lambda _, __, places: [place.phone for place in places],
    "uid": lambda card, _, __: [card.key],
    "businesscategory": lambda _, box, __: [box.kind],
}


def root_dse(*, tls: bool) -> Attributes:
    """RFC 4512 §5.1."""
    return {
        "objectclass": ["top"],
        "namingcontexts": [ROOT],
        "subschemasubentry": [SCHEMA],
        "supportedldapversion": ["3"],
        "supportedcontrol": [m.PAGED],
        "supportedextension": [m.WHO_AM_I, *([m.START_TLS] if not tls else [])],
        "supportedfeatures": ["1.3.6.1.4.1.4203.1.5.3"],  # (&) and (|), RFC 4526
        "vendorname": ["Pli"],
    }


def schema() -> Attributes:
    """What is used here of RFC 4519, RFC 2798 and RFC 4523."""
    return {
        "objectclass": ["top", "subentry", "subschema"],
        "cn": ["Subschema"],
        "objectclasses": [
            "( 2.5.6.0 NAME 'top' ABSTRACT MUST objectClass )",
            "( 2.5.6.6 NAME 'person' SUP top STRUCTURAL MUST ( sn $ cn ) MAY ( telephoneNumber $ description ) )",
            "( 2.5.6.7 NAME 'organizationalPerson' SUP person STRUCTURAL MAY ( title $ ou $ st $ l $ street $ "
            "postalCode ) )",
            "( 2.16.840.1.113730.3.2.2 NAME 'inetOrgPerson' SUP organizationalPerson STRUCTURAL MAY ( "
            "businessCategory $ displayName $ givenName $ mail $ o $ uid $ userCertificate ) )",
            "( 2.5.6.4 NAME 'organization' SUP top STRUCTURAL MUST o MAY ( businessCategory $ l $ street $ "
            "description ) )",
        ],
        "attributetypes": [f"( {oid} NAME '{name}' SYNTAX {syntax} )" for name, oid, syntax in _TYPES],
    }


_STRING, _MAIL, _CERTIFICATE = (
    "1.3.6.1.4.1.1466.115.121.1.15",
    "1.3.6.1.4.1.1466.115.121.1.26",
    "1.3.6.1.4.1.1466.115.121.1.8",
)
_TYPES = (
    ("cn", "2.5.4.3", _STRING),
    ("sn", "2.5.4.4", _STRING),
    ("givenName", "2.5.4.42", _STRING),
    ("o", "2.5.4.10", _STRING),
    ("displayName", "2.16.840.1.113730.3.1.241", _STRING),
    ("mail", "0.9.2342.19200300.100.1.3", _MAIL),
    ("ou", "2.5.4.11", _STRING),
    ("l", "2.5.4.7", _STRING),
    ("postalCode", "2.5.4.17", _STRING),
    ("st", "2.5.4.8", _STRING),
    ("street", "2.5.4.9", _STRING),
    ("title", "2.5.4.12", _STRING),
    ("description", "2.5.4.13", _STRING),
    ("telephoneNumber", "2.5.4.20", _STRING),
    ("uid", "0.9.2342.19200300.100.1.1", _STRING),
    ("businessCategory", "2.5.4.15", _STRING),
    ("userCertificate", "2.5.4.36", _CERTIFICATE),
)
SPELLED = {name.lower(): name for name in NAMES} | {
    name.lower(): name
    for name in (
        "namingContexts",
        "subschemaSubentry",
        "supportedLDAPVersion",
        "supportedControl",
        "supportedExtension",
        "supportedFeatures",
        "vendorName",
        "objectClasses",
        "attributeTypes",
    )
}


def escaped(value: str) -> str:
    """A value within a distinguished name (RFC 4514 §2.4)."""
    out = "".join(f"\\{letter}" if letter in ',+"\\<>;=#' else letter for letter in value)
    return f"\\{out}" if out.startswith(" ") else out


def unescaped(value: str) -> str:
    """What `escaped` was given."""
    return re.sub(r"\\(.)", r"\1", value)


def normal(dn: str) -> str:
    """For comparing: lower case, no spaces around commas and equal signs."""
    parts = (part.split("=", 1) for part in dn.split(","))
    return ",".join("=".join(piece.strip().lower() for piece in part) for part in parts) if dn else ""
