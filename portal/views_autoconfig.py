"""Where mail programs ask how to reach us. Nothing personal is told: an address in the query is not looked at."""

from dataclasses import replace

from fastapi import APIRouter
from starlette.responses import Response

from core.errors import NotFound
from directory.local_domains import local_domain_names
from portal.autoconfig import MailDoors, apple, thunderbird
from portal.doors import Front, TheFront

router = APIRouter()


@router.get("/.well-known/autoconfig/mail/config-v1.1.xml")
@router.get("/mail/config-v1.1.xml")
def for_thunderbird(front: TheFront) -> Response:
    """Mozilla's form, at both of the places where programs look."""
    return Response(thunderbird(_doors(front)), media_type="application/xml")


@router.get("/messagerie.mobileconfig")
def for_apple(front: TheFront) -> Response:
    """A profile for iPhone, iPad and Mac."""
    headers = {"content-disposition": 'attachment; filename="messagerie.mobileconfig"'}
    return Response(apple(_doors(front)), media_type="application/x-apple-aspen-config", headers=headers)


def _doors(front: Front) -> MailDoors:
    if front.services.mail_doors is None:
        raise NotFound("Cette page n'existe pas.", "no mail listeners beside these pages")
    return replace(front.services.mail_doors, domains=front.services.db.read(local_domain_names))
