"""`build(services)`: the web application, all routes in one list."""

from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.formparsers import MultiPartParser
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.staticfiles import StaticFiles

import portal.tables  # noqa: F401  on the one MetaData before it is created
from portal import (
    api_annuaire,
    api_health,
    api_record_hooks,
    errors,
    views_about,
    views_account,
    views_admin,
    views_annuaire,
    views_autoconfig,
    views_checking,
    views_confirm,
    views_counter,
    views_demo,
    views_display,
    views_emergency,
    views_factors,
    views_figures,
    views_home,
    views_hooks,
    views_live,
    views_login,
    views_mail_programs,
    views_notices,
    views_oidc,
    views_patient,
    views_patients,
    views_pharmacy,
    views_pro,
    views_psc,
    views_record,
    views_send,
    views_team,
)
from portal.api_orders import build_api
from portal.api_record import build_record_api
from portal.doors import Front
from portal.guard import LARGEST_UPLOAD, Guard
from portal.pages import Pages
from portal.services import Services
from portal.session import Sessions
from portal.work import Work

ROUTERS = (
    views_home.router,
    views_about.router,
    views_display.router,
    views_demo.router,
    views_figures.router,
    views_autoconfig.router,
    views_login.router,
    views_factors.router,
    views_psc.router,
    views_oidc.router,
    views_live.router,
    views_pharmacy.router,
    views_checking.pharmacy,
    views_checking.clinic,
    views_pro.router,
    views_emergency.router,
    views_patients.router,
    views_annuaire.router,
    views_counter.router,
    views_team.router,
    views_hooks.router,
    views_patient.router,
    views_record.router,
    views_send.router,
    views_admin.router,
    api_health.router,
    api_annuaire.router,
)
ACCOUNT = (
    views_factors.account,
    views_notices.account,
    views_account.account,
    views_mail_programs.account,
    views_confirm.account,
)


def build(services: Services) -> FastAPI:
    """The application for any ASGI server. It opens and closes nothing of `services`."""
    app = FastAPI(
        title="Pli", routes=_routes(), redirect_slashes=False, docs_url=None, redoc_url=None, openapi_url=None
    )
    pages = Pages(services)
    app.state.front = Front(services, Sessions(services), pages)
    app.state.work = Work.of(services, pages)
    app.mount("/api/record", build_record_api(services, api_record_hooks.router))
    app.mount("/api", build_api(app.state.front, app.state.work))
    static = _Static(directory=str(files("portal").joinpath("static")))
    app.mount("/static", GZipMiddleware(static, compresslevel=6), name="static")  # nothing secret in it to guess at
    errors.register(app)

    def refusal(request: Request, status: int) -> Response:
        request.scope.setdefault("app", app)
        return errors.error_page(request, status)

    MultiPartParser.spool_max_size = LARGEST_UPLOAD  # what patients send never lies in a temporary file, unsealed

    def may_upload(request: Request) -> bool:
        sessions = app.state.front.sessions
        return sessions.find(request.cookies.get(sessions.cookie_for(request.url.path), ""), active=False) is not None

    app.add_middleware(
        Guard,
        hosts=services.hosts,
        https=services.https,
        error_page=refusal,
        may_upload=may_upload,
        framed=services.demo,
    )
    return app


@cache
def _routes() -> list[BaseRoute]:
    """Analysed once, at the first request, for all applications of this process."""
    every = APIRouter()
    for router in ROUTERS:
        every.include_router(router)
    for prefix in ("", "/p"):
        for account in ACCOUNT:
            every.include_router(account, prefix=prefix)
    return every.routes


class _Static(StaticFiles):
    """Our own files hold nothing personal: browsers may keep what is asked for by its content's hash, and ask whether
    the rest has changed."""

    def file_response(self, full_path: Any, stat_result: Any, scope: Any, status_code: int = 200) -> Response:
        answer = super().file_response(full_path, stat_result, scope, status_code)
        kept = scope.get("query_string", b"").startswith(b"v=")
        answer.headers["cache-control"] = "public, max-age=31536000, immutable" if kept else "no-cache"
        return answer
