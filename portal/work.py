"""The parts of the house that views ask for, made once for the application."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from portal.api_keys import ApiKeys
from portal.checking import Checking
from portal.confirming import Confirming
from portal.correspondence import Correspondence
from portal.desk import Desk
from portal.drafts import Drafts
from portal.emergency import Emergencies
from portal.emergency_review import Reviews
from portal.factors import Factors
from portal.hooks import HookBook
from portal.inbox import Inbox
from portal.live import Live
from portal.mail_programs import MailPrograms
from portal.mine import Mine
from portal.notices import NoticeBook
from portal.oidc import Provider
from portal.openings import Openings
from portal.pages import Pages
from portal.passes import Passes
from portal.preferences import PreferenceBook
from portal.psc import ProSante
from portal.reads import Reads
from portal.sending import Sending
from portal.services import Services
from portal.signing import Signing
from portal.team import Team
from portal.telling import Telling
from portal.threads import Threads


@dataclass(frozen=True, repr=False)
class Mailroom:
    """What patients send with."""

    drafts: Drafts
    sending: Sending
    signing: Signing


@dataclass(frozen=True, repr=False)
class Work:
    """One for the application."""

    desk: Desk
    mine: Mine
    checking: Checking
    live: Live
    telling: Telling
    mailroom: Mailroom
    threads: Threads
    preferences: PreferenceBook
    team: Team
    inbox: Inbox
    correspondence: Correspondence
    factors: Factors
    confirming: Confirming
    mail_programs: MailPrograms
    passes: Passes
    psc: ProSante | None
    oidc: Provider | None
    api_keys: ApiKeys
    hooks: HookBook
    notices: NoticeBook
    emergencies: Emergencies
    reviews: Reviews

    @classmethod
    def of(cls, services: Services, pages: Pages) -> "Work":
        reads, live, openings = Reads(services), Live(), Openings()
        services.db.on_commit(openings.heard)  # before the pages that are woken by the same commit
        services.db.on_commit(live.heard)
        threads = Threads(services, reads)
        mine, room = Mine(services, reads, threads), _mailroom(services)
        preferences, team = PreferenceBook(services), Team(services)
        passes, desk = Passes(services), Desk(services, reads, openings)
        factors = Factors(services)
        return cls(
            desk=desk,
            mine=mine,
            checking=Checking(services),
            live=live,
            telling=Telling(services, pages, desk, preferences),
            mailroom=room,
            threads=threads,
            preferences=preferences,
            team=team,
            inbox=Inbox(services),
            correspondence=Correspondence(services),
            factors=factors,
            confirming=Confirming(services, passes, factors),
            mail_programs=MailPrograms(services),
            passes=passes,
            psc=ProSante(services, passes, services.psc) if services.psc else None,
            oidc=Provider(services, passes, services.chat) if services.chat else None,
            api_keys=ApiKeys(services),
            hooks=HookBook(services),
            notices=NoticeBook(services),
            emergencies=Emergencies(services),
            reviews=Reviews(services, reads),
        )


def _mailroom(services: Services) -> Mailroom:
    signing = Signing(services.db, services.keyring, services.clock, services.trail, services.authority, services.judge)
    drafts = Drafts(services)
    return Mailroom(drafts, Sending(services, drafts, signing), signing)


def _threads(request: Request) -> Threads:
    found: Work = request.app.state.work
    return found.threads


TheThreads = Annotated[Threads, Depends(_threads)]


def _preferences(request: Request) -> PreferenceBook:
    found: Work = request.app.state.work
    return found.preferences


def _team(request: Request) -> Team:
    found: Work = request.app.state.work
    return found.team


ThePreferences = Annotated[PreferenceBook, Depends(_preferences)]
TheTeam = Annotated[Team, Depends(_team)]


def _factors(request: Request) -> Factors:
    found: Work = request.app.state.work
    return found.factors


def _passes(request: Request) -> Passes:
    found: Work = request.app.state.work
    return found.passes


def _psc(request: Request) -> ProSante | None:
    found: Work = request.app.state.work
    return found.psc


def _oidc(request: Request) -> Provider | None:
    found: Work = request.app.state.work
    return found.oidc


def _api_keys(request: Request) -> ApiKeys:
    found: Work = request.app.state.work
    return found.api_keys


def _hooks(request: Request) -> HookBook:
    found: Work = request.app.state.work
    return found.hooks


def _confirming(request: Request) -> Confirming:
    found: Work = request.app.state.work
    return found.confirming


TheConfirming = Annotated[Confirming, Depends(_confirming)]


def _mail_programs(request: Request) -> MailPrograms:
    found: Work = request.app.state.work
    return found.mail_programs


TheMailPrograms = Annotated[MailPrograms, Depends(_mail_programs)]


def _notices(request: Request) -> NoticeBook:
    found: Work = request.app.state.work
    return found.notices


TheHooks = Annotated[HookBook, Depends(_hooks)]
TheNotices = Annotated[NoticeBook, Depends(_notices)]
TheApiKeys = Annotated[ApiKeys, Depends(_api_keys)]
TheFactors = Annotated[Factors, Depends(_factors)]
ThePasses = Annotated[Passes, Depends(_passes)]
ThePsc = Annotated[ProSante | None, Depends(_psc)]
TheOidc = Annotated[Provider | None, Depends(_oidc)]


def _room(request: Request) -> Mailroom:
    found: Work = request.app.state.work
    return found.mailroom


TheMailroom = Annotated[Mailroom, Depends(_room)]


def _desk(request: Request) -> Desk:
    found: Work = request.app.state.work
    return found.desk


def _mine(request: Request) -> Mine:
    found: Work = request.app.state.work
    return found.mine


def _checking(request: Request) -> Checking:
    found: Work = request.app.state.work
    return found.checking


def _live(request: Request) -> Live:
    found: Work = request.app.state.work
    return found.live


def _telling(request: Request) -> Telling:
    found: Work = request.app.state.work
    return found.telling


TheLive = Annotated[Live, Depends(_live)]
TheTelling = Annotated[Telling, Depends(_telling)]
TheDesk = Annotated[Desk, Depends(_desk)]
TheChecking = Annotated[Checking, Depends(_checking)]
TheMine = Annotated[Mine, Depends(_mine)]


def _inbox(request: Request) -> Inbox:
    found: Work = request.app.state.work
    return found.inbox


def _correspondence(request: Request) -> Correspondence:
    found: Work = request.app.state.work
    return found.correspondence


TheInbox = Annotated[Inbox, Depends(_inbox)]
TheCorrespondence = Annotated[Correspondence, Depends(_correspondence)]


def _emergencies(request: Request) -> Emergencies:
    found: Work = request.app.state.work
    return found.emergencies


def _reviews(request: Request) -> Reviews:
    found: Work = request.app.state.work
    return found.reviews


TheEmergencies = Annotated[Emergencies, Depends(_emergencies)]
TheReviews = Annotated[Reviews, Depends(_reviews)]
