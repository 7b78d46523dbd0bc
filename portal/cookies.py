"""The cookies: the session's, out of reach of scripts and other sites; and what a sign-in was begun for."""

from starlette.responses import Response

from portal.doors import Front

PENDING = "pli-suite"  # the chat's question that waits for a sign-in: it is checked again, so it needs no secret
PENDING_S = 600


def put_cookie(front: Front, answer: Response, token: str, home: str) -> None:
    """No Expires. By TLS its name begins with __Host- (RFC 6265bis §4.1.3.2). `home`: the first page of who entered."""
    answer.set_cookie(
        front.sessions.cookie_for(home), token, path="/", secure=front.services.https, httponly=True, samesite="lax"
    )


def keep_pending(front: Front, answer: Response, query: str) -> None:
    """The homeserver's request, until its answer."""
    secure = front.services.https
    answer.set_cookie(PENDING, query, PENDING_S, path="/", secure=secure, httponly=True, samesite="lax")


def forget_pending(front: Front, answer: Response) -> None:
    """It is answered."""
    answer.delete_cookie(PENDING, path="/", secure=front.services.https, httponly=True, samesite="lax")
