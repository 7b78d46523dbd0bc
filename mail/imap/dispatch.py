"""From a command to what does it: the table of verbs, the states in which each is allowed, what is told afterwards.

RFC 3501 §3 (states), §7.4.1 (an EXPUNGE is never sent while numbers are in use).
"""

import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from mail.imap import commands as c
from mail.imap.authenticate import authenticate
from mail.imap.capability import capability
from mail.imap.close import close
from mail.imap.copy import copy
from mail.imap.create import create
from mail.imap.delete import delete
from mail.imap.delete_acl import delete_acl
from mail.imap.enable import enable
from mail.imap.errors import ImapBad
from mail.imap.expunge import expunge
from mail.imap.fetch import fetch
from mail.imap.find import find
from mail.imap.get_acl import get_acl
from mail.imap.get_quota import get_quota
from mail.imap.get_quota_root import get_quota_root
from mail.imap.identify import identify
from mail.imap.idle import idle
from mail.imap.list import list_names
from mail.imap.list_rights import list_rights
from mail.imap.login import login
from mail.imap.logout import logout
from mail.imap.lsub import lsub
from mail.imap.move import move
from mail.imap.my_rights import my_rights
from mail.imap.namespace import namespace
from mail.imap.news import tell_news
from mail.imap.noop import noop
from mail.imap.rename import rename
from mail.imap.select import select
from mail.imap.session import Session
from mail.imap.set_acl import set_acl
from mail.imap.set_quota import set_quota
from mail.imap.sort import sort
from mail.imap.starttls import starttls
from mail.imap.status import status
from mail.imap.store_flags import store_flags
from mail.imap.subscribe import subscribe
from mail.imap.thread import thread
from mail.imap.unselect import unselect

Handler = Callable[[Session, Any], Awaitable[str | None]]


class State(enum.Enum):
    """When a command is allowed."""

    __hash__ = object.__hash__  # as in `mail.imap.reader`

    ANY = "any"
    BEFORE = "before login"
    LOGGED_IN = "after login"
    SELECTED = "with a mailbox selected"


class News(enum.Enum):
    """What is told when a command ends."""

    NONE = "none"
    NO_EXPUNGE = "numbers stay"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Rule:
    """One verb."""

    handler: Handler
    state: State
    news: News = News.ALL


RULES: Final[dict[type[c.Command], Rule]] = {
    c.Capability: Rule(capability, State.ANY),
    c.Noop: Rule(noop, State.ANY, News.NONE),
    c.Logout: Rule(logout, State.ANY, News.NONE),
    c.Id: Rule(identify, State.ANY),
    c.StartTls: Rule(starttls, State.BEFORE, News.NONE),
    c.Authenticate: Rule(authenticate, State.BEFORE, News.NONE),
    c.Login: Rule(login, State.BEFORE, News.NONE),
    c.Select: Rule(select, State.LOGGED_IN, News.NONE),
    c.Create: Rule(create, State.LOGGED_IN),
    c.Delete: Rule(delete, State.LOGGED_IN),
    c.Rename: Rule(rename, State.LOGGED_IN),
    c.Subscribe: Rule(subscribe, State.LOGGED_IN),
    c.List: Rule(list_names, State.LOGGED_IN),
    c.Lsub: Rule(lsub, State.LOGGED_IN),
    c.Status: Rule(status, State.LOGGED_IN),
    c.Idle: Rule(idle, State.LOGGED_IN, News.NONE),
    c.Namespace: Rule(namespace, State.LOGGED_IN),
    c.GetQuota: Rule(get_quota, State.LOGGED_IN),
    c.GetQuotaRoot: Rule(get_quota_root, State.LOGGED_IN),
    c.SetQuota: Rule(set_quota, State.LOGGED_IN),
    c.GetAcl: Rule(get_acl, State.LOGGED_IN),
    c.SetAcl: Rule(set_acl, State.LOGGED_IN),
    c.DeleteAcl: Rule(delete_acl, State.LOGGED_IN),
    c.ListRights: Rule(list_rights, State.LOGGED_IN),
    c.MyRights: Rule(my_rights, State.LOGGED_IN),
    c.Enable: Rule(enable, State.LOGGED_IN),
    c.Check: Rule(noop, State.SELECTED, News.NONE),
    c.Close: Rule(close, State.SELECTED, News.NONE),
    c.Unselect: Rule(unselect, State.SELECTED, News.NONE),
    c.Expunge: Rule(expunge, State.SELECTED),
    c.Search: Rule(find, State.SELECTED, News.NO_EXPUNGE),
    c.Sort: Rule(sort, State.SELECTED, News.NO_EXPUNGE),
    c.Thread: Rule(thread, State.SELECTED, News.NO_EXPUNGE),
    c.Fetch: Rule(fetch, State.SELECTED, News.NO_EXPUNGE),
    c.Store: Rule(store_flags, State.SELECTED, News.NO_EXPUNGE),
    c.Copy: Rule(copy, State.SELECTED),
    c.Move: Rule(move, State.SELECTED),
}


async def perform(session: Session, command: c.Command) -> str | None:
    """Do it, then tell the news. The text of the tagged OK; None when the command has answered itself.

    Raises ImapBad in the wrong state, and whatever the command raises.
    """
    rule = RULES[type(command)]
    _check_state(session, rule.state)
    if rule.state is State.SELECTED:
        await session.check_rights()
    done = await rule.handler(session, command)
    if rule.news is not News.NONE:
        await tell_news(session, expunges=rule.news is News.ALL or bool(getattr(command, "uid", False)))
    return done


def _check_state(session: Session, state: State) -> None:
    if state is State.BEFORE and session.identity is not None:
        raise ImapBad("you are logged in already")
    if state in {State.LOGGED_IN, State.SELECTED} and session.identity is None:
        raise ImapBad("log in first")
    if state is State.SELECTED and session.view is None:
        raise ImapBad("select a mailbox first")
