"""Holders, mailboxes, patients, accounts, devices, seals: every key and sealed field opens and is what it should be."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, FromClause, select

from core.address import Address
from core.errors import PliError
from core.ins import Ins
from crypto.committing import SealBroken
from crypto.identity import Identity, IdentityBroken
from crypto.sealed import object_aad, unseal
from directory.mailboxes import lookup_of
from directory.tables import holders, mailboxes, patients
from mail.accounts import login_lookup
from mail.app_passwords import LABEL_MOST
from mail.tables import accounts, app_passwords, published_certificates, seal_keys
from ops.verify.context import Context

_DAMAGED = (SealBroken, IdentityBroken, PliError, ValueError, KeyError, TypeError)


@dataclass(frozen=True, slots=True)
class _Sort:
    """One table: what its sealed field is bound to, how its rows are called, when a row is right."""

    bound: str
    told: str
    right: Callable[[bytes, Any], bool]

    @property
    def plural(self) -> str:
        return "mailboxes" if self.told == "mailbox" else f"{self.told}s"


def check_people(context: Context) -> None:
    """All seven tables."""
    _holders(context)
    for check in (_mailboxes, _patients, _accounts, _devices, _seals, _published):
        check(context)


def _holders(context: Context) -> None:
    context.count("holders", holders.c.id)
    for rows in context.batches(select(holders.c.id, holders.c.wrapped_key), holders.c.id):
        for row in rows:
            if row.wrapped_key is None:
                context.findings.checked("holders destroyed")
            elif context.holder(row.id, row.wrapped_key) is None:
                context.findings.problem(f"holder {row.id}: its wrapped key does not open")
        context.findings.checked("holders", len(rows))


def _mailboxes(context: Context) -> None:
    def right(opened: bytes, row: Any) -> bool:
        return lookup_of(context.keyring, Address.parse(opened.decode())) == bytes(row.lookup)

    columns = (mailboxes.c.id, mailboxes.c.lookup, mailboxes.c.sealed_address.label("sealed"))
    _sealed(context, "mailbox", columns, mailboxes.c.holder_id, right)


def _patients(context: Context) -> None:
    def right(opened: bytes, row: Any) -> bool:
        found = json.loads(opened)
        ins = Ins(found["ins"], found["oid"])
        return context.keyring.blind("ins", f"{ins.oid}|{ins.canonical}") == bytes(row.lookup)

    columns = (patients.c.id, patients.c.lookup, patients.c.sealed_identity.label("sealed"))
    _sealed(context, "patient", columns, patients.c.holder_id, right)


def _accounts(context: Context) -> None:
    def right(opened: bytes, row: Any) -> bool:
        return login_lookup(context.keyring, json.loads(opened)["login"]) == bytes(row.lookup)

    columns = (accounts.c.id, accounts.c.lookup, accounts.c.sealed_profile.label("sealed"))
    _sealed(context, "profile", columns, mailboxes.c.holder_id, right, told="account", owner=accounts.c.mailbox_id)


def _devices(context: Context) -> None:
    def right(opened: bytes, _row: Any) -> bool:
        return 0 < len(opened.decode()) <= LABEL_MOST

    columns = (app_passwords.c.id, app_passwords.c.sealed_label.label("sealed"))
    source = app_passwords.outerjoin(accounts, accounts.c.id == app_passwords.c.account_id)
    told, owner = "device password", accounts.c.mailbox_id
    _sealed(context, "app-password", columns, mailboxes.c.holder_id, right, told=told, owner=owner, source=source)


def _seals(context: Context) -> None:
    def right(opened: bytes, _row: Any) -> bool:
        kept = json.loads(opened)
        return bool(Identity.from_pem(kept["certificate"].encode(), kept["key"].encode()))

    columns = (seal_keys.c.mailbox_id, seal_keys.c.mailbox_id.label("id"), seal_keys.c.sealed)
    _sealed(context, "seal", columns, mailboxes.c.holder_id, right, owner=seal_keys.c.mailbox_id)


def _published(context: Context) -> None:
    def right(opened: bytes, _row: Any) -> bool:
        return opened[:1] == b"\x30"  # a DER sequence: a certificate

    table = published_certificates
    columns = (table.c.mailbox_id, table.c.mailbox_id.label("id"), table.c.sealed)
    _sealed(context, "published", columns, mailboxes.c.holder_id, right, told="certificate", owner=table.c.mailbox_id)


def _sealed(
    context: Context,
    kind: str,
    columns: tuple[Any, ...],
    holder_id: Column[int],
    right: Callable[[bytes, Any], bool],
    *,
    told: str = "",
    owner: Column[int] | None = None,
    source: FromClause | None = None,
) -> None:
    """Each row's sealed field opens under its holder's key and says what its blind index says.

    `kind` is what the field is bound to, `told` how the row is called where that is another word;
    `owner` is the column of its mailbox, where the holder is the mailbox's; `source` has both columns, where `owner` is
    not the row's own.
    """
    key: Column[int] = columns[0]
    sort = _Sort(kind, told or kind, right)
    query = select(*columns, holder_id.label("holder_id"), holders.c.wrapped_key)
    if owner is not None:
        query = query.outerjoin_from(owner.table if source is None else source, mailboxes, mailboxes.c.id == owner)
    query = query.outerjoin(holders, holders.c.id == holder_id)
    context.count(sort.plural, key)
    for rows in context.batches(query, key):
        for row in rows:
            _one(context, sort, row)
        context.findings.checked(sort.plural, len(rows))


def _one(context: Context, sort: _Sort, row: Any) -> None:
    if row.holder_id is None:
        context.findings.problem(f"{sort.told} {row.id}: belongs to nobody")
        return
    holder = context.holder(row.holder_id, row.wrapped_key)
    if holder is None:  # destroyed, or told by the holders' own check
        context.findings.checked(f"{sort.plural} shredded")
        return
    try:
        fits = sort.right(unseal(holder, row.sealed, object_aad(sort.bound, row.id, 1)), row)
    except _DAMAGED:
        context.findings.problem(f"{sort.told} {row.id}: its sealed field does not open")
        return
    if not fits:
        context.findings.problem(f"{sort.told} {row.id}: its row does not fit what is sealed")
