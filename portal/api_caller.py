"""Who calls `/api`: a pharmacy's own software, known by its key."""

from typing import Annotated

from fastapi import Depends, Header

from core.errors import Refused
from portal.doors import SignInNeeded
from portal.session import Visitor
from portal.work import TheApiKeys


class Unknown(SignInNeeded):
    """No key, or none of ours."""

    def __init__(self) -> None:
        Refused.__init__(self, "clé absente ou inconnue", "api key unknown")


def _caller(keys: TheApiKeys, authorization: Annotated[str, Header()] = "") -> Visitor:
    scheme, _space, key = authorization.partition(" ")
    found = keys.visitor(key.strip()) if scheme.lower() == "bearer" else None
    if found is None:
        raise Unknown
    return found


Caller = Annotated[Visitor, Depends(_caller)]
