"""Who keeps what was promised to people and programs outside: calls to a pharmacy's software, notices by e-mail."""

from collections.abc import Callable

from core.db import Db
from core.outbox import Several
from core.settings import Settings
from mail.announcement import Announcement
from ops.ground import Ground
from ops.notice_mail import SmartHost, letterhead
from portal.hook_calls import CallHook
from portal.hooks import CALL_KIND
from portal.notice_letters import FindNoticed, SendNotice
from portal.notices import FIND_KIND, SEND_KIND, Noticed
from portal.record_hooks import RecordHooks, Then, ThenSeveral
from record.break_glass import GLASS_KIND
from record.consent import ASK_KIND, MOVED_KIND
from record.filing import FILE_KIND


def hooks_inside(settings: Settings) -> bool:
    """Whether a pharmacy's software may be called in our own network."""
    return settings.orders.hooks_inside or settings.environment == "demo"


def notice_handlers(ground: Ground) -> dict[str, Callable[[int], None]]:
    """Outbox kind → who keeps the promise."""
    settings, db, keyring, clock = ground.settings, ground.db, ground.keyring, ground.clock
    head, carrier = letterhead(settings.notices), SmartHost(settings.notices)
    return {
        CALL_KIND: CallHook(db, keyring, clock, inside=hooks_inside(settings)),
        FIND_KIND: FindNoticed(db, clock, head),
        SEND_KIND: SendNotice(db, keyring, clock, head, carrier),
    }


def with_record_hooks(
    handlers: dict[str, Callable[[int], None]], filing: Several, ground: Ground
) -> dict[str, Callable[[int], None]]:
    """The same with `filing`, and registered software is told of what they did."""
    hooks = RecordHooks(ground.db, ground.keyring, ground.clock)
    told = {ASK_KIND: hooks.asked, GLASS_KIND: hooks.emergency}
    more: dict[str, Callable[[int], None]] = {kind: Then(handlers[kind], then) for kind, then in told.items()}
    return handlers | more | {FILE_KIND: ThenSeveral(filing, hooks.filed), MOVED_KIND: hooks.moved}


def noticed(settings: Settings, db: Db) -> tuple[Announcement, ...]:
    """What has to be announced of deliveries: nothing where no notice can leave."""
    return (Announcement(FIND_KIND, Noticed(db).concerns),) if settings.notices.host else ()
