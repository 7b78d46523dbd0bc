"""What goes wrong in an import, in words for whoever asked for it: what happened, and what to do next.

A driver's own text may hold a line of a file: of it only the class and the state go into the log.
"""

import errno
import traceback
from collections.abc import Mapping
from typing import Any

from core.errors import BadInput, PliError, StorageFull, Temporary

DRIVERS = ("psycopg", "sqlalchemy", "sqlite3")
AWAY = "la base de données ne répond pas : voyez si elle tourne (`pli doctor`)"
FULL = "il n'y a plus de place sur le disque : faites-en"
KILLED = (
    "un processus de l'import a été tué, faute de mémoire peut-être : l'édition en service n'a pas changé, recommencez"
)
STATES = {
    "53100": "PostgreSQL n'a plus de place sur son disque : faites-en",
    "53300": "PostgreSQL n'a plus de connexion libre : augmentez max_connections",
    "42501": "le rôle de Pli n'a pas le droit de créer un schéma : GRANT CREATE ON DATABASE … TO …",
    "55P03": "quelqu'un tient un verrou sur l'annuaire : attendez qu'il finisse",
}
SQLITE = {
    "SQLITE_FULL": FULL,
    "SQLITE_BUSY": "quelqu'un d'autre écrit dans l'édition : attendez qu'il finisse",
    "SQLITE_CORRUPT": "l'édition est abîmée : rendez son fichier d'une sauvegarde",
    "SQLITE_NOTADB": "l'édition est abîmée : rendez son fichier d'une sauvegarde",
}


def told(error: BaseException) -> PliError:
    """The same failure in our words; what has them already passes."""
    if isinstance(error, PliError):
        return error
    cause = f"{type(error).__name__} {_state(error)}".strip()
    if _is_a_drivers(error):
        return Temporary(_of_a_driver(error), cause)
    if isinstance(error, OSError):
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        said = f"{error.filename or 'la machine'} : {error.strerror or 'erreur'}"
        return StorageFull(FULL, cause) if full else BadInput(said, cause)
    return Temporary(f"erreur imprévue ({type(error).__name__}) : les journaux disent où", f"{cause} {_place(error)}")


def message_of(error: BaseException) -> dict[str, Any]:
    """For a pipe; `raised` makes the failure of it again."""
    failure = told(error)
    return {"error": failure.public, "cause": failure.cause, "temporary": isinstance(failure, Temporary)}


def raised(message: Mapping[str, Any]) -> PliError:
    kind = Temporary if message.get("temporary") else BadInput
    return kind(message["error"], message["cause"])


def _is_a_drivers(error: BaseException) -> bool:
    """Some classes of drivers are the standard library's, too: the module tells."""
    return type(error).__module__.partition(".")[0] in DRIVERS


def _of_a_driver(error: BaseException) -> str:
    state = _state(error)
    if state.startswith("SQLITE"):
        return SQLITE.get(state, f"SQLite a refusé ({state})")
    if not state or state[:2] in ("08", "57"):
        return AWAY
    return STATES.get(state, f"PostgreSQL a refusé (SQLSTATE {state}) : ses journaux disent pourquoi")


def _state(error: BaseException) -> str:
    own = getattr(error, "orig", None) or error
    return str(getattr(own, "sqlstate", None) or getattr(own, "sqlite_errorname", None) or "")


def _place(error: BaseException) -> str:
    """Where in the code it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
