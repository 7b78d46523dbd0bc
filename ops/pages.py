"""What the pages are given: the rooms below, wired."""

from typing import Any

from core.settings import Settings
from crypto.authority import Authority
from ops.admin import Overview
from ops.demo.cast import PASSWORD, PIN, players
from ops.doors_told import mail_doors
from ops.notice_wiring import hooks_inside
from ops.wiring import App
from portal.app import build
from portal.services import DemoDoor, OidcClient, Services


def pages(app: App) -> Any:
    """The web application of this instance (ASGI)."""
    settings, psc = app.settings, app.settings.psc
    hosts = frozenset({"127.0.0.1", "localhost", "::1", settings.listen.host, settings.listen.hostname.lower()})
    return build(
        Services(
            db=app.db,
            keyring=app.keyring,
            clock=app.clock,
            trail=app.trail,
            authenticator=app.authenticator,
            store=app.store,
            records=app.records,
            orders=app.orders,
            annuaire=app.annuaire,
            blobs=app.blobs,
            post=app.submitter,
            receipts=app.receipts,
            judge=app.judge,
            authority=_authority(settings),
            medicines=app.medicines,
            psc=OidcClient(psc.issuer, psc.client_id, psc.client_secret) if psc.issuer else None,
            mail_doors=mail_doors(settings),
            document_octets=settings.record.document_octets,
            dispensed_within_days=settings.mail.dispensed_within_days,
            hosts=hosts,
            https=settings.listen.https,
            demo=settings.environment == "demo",
            demo_doors=_doors,
            demo_pin=PIN,
            ins_oid=settings.ins_oid,
            session_hours=settings.limits.session_hours,
            overview=Overview(app),
            erase=app.eraser.erase,
            cases=app.chat.cases if app.chat else None,
            chat=app.chat.client if app.chat else None,
            hooks_inside=hooks_inside(settings),
            notices=bool(settings.notices.host),
            product_reference=settings.sending.product_reference,
        )
    )


def _authority(settings: Settings) -> Authority | None:
    """With which patients' keys are certified; None where its key is not here."""
    certificate, key = settings.patient_authority
    return Authority.load(certificate, key, demo=settings.environment == "demo") if key.exists() else None


def _doors() -> tuple[DemoDoor, ...]:
    """One-click entrances of the demonstration: the first player of each role."""
    first: dict[str, DemoDoor] = {}
    for player in players():
        first.setdefault(player.role, DemoDoor(player.name, player.address, PASSWORD, player.role))
    return tuple(first.values())
