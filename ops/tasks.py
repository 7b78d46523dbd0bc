"""Celery: clock and muscle, never memory. Five tasks; a message carries a row number and nothing else.

Whatever a broker loses or repeats does no harm: the outbox row is the promise, its lease says who works on it, and the
sweep finds what no message told of.
"""

from dataclasses import dataclass
from typing import Any

from celery import Celery

from core.settings import Settings
from ops.keeper import Keeper
from ops.nightly import Nightly

RUN_ONE, SWEEP, HOURLY, NIGHTLY = "pli.run_one", "pli.sweep", "pli.hourly", "pli.nightly"
LISTS = "pli.lists"
DAY_S, HOUR_S = 86_400, 3600
QUICK_POLL_S = 0.02  # memory:// looks for messages so often


@dataclass(frozen=True)
class Work:
    """What the tasks do."""

    keeper: Keeper
    nightly: Nightly
    hourly: Nightly
    lists: Nightly


def make_celery(settings: Settings) -> Celery:
    """A configured app without tasks: enough to send."""
    app = Celery("pli", broker=settings.worker.broker, set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_enable_prefetch_count_reduction=False,  # what comes twice meets a lease
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_timeout=2,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options=_transport(settings),
        task_default_queue="pli",
        timezone="UTC",
        beat_schedule=_schedule(settings),
    )
    return app


def bind(app: Celery, work: Work) -> None:
    """Give the app its tasks."""

    @app.task(name=RUN_ONE, shared=False)
    def run_one(row_id: int) -> None:
        work.keeper.run_one(row_id)

    @app.task(name=SWEEP, shared=False)
    def sweep() -> None:
        work.keeper.sweep()

    @app.task(name=HOURLY, shared=False)
    def hourly() -> None:
        work.hourly.run()

    @app.task(name=LISTS, shared=False)
    def lists() -> None:
        work.lists.run()

    @app.task(name=NIGHTLY, shared=False)
    def nightly() -> None:
        work.nightly.run()


def _schedule(settings: Settings) -> dict[str, Any]:
    every, hourly = settings.outbox.sweep_seconds, settings.trust.refresh_hours * HOUR_S
    return {
        # a sweep that nobody took before the next one is due is not worth doing
        "sweep": {"task": SWEEP, "schedule": every, "options": {"expires": every}},
        "hourly": {"task": HOURLY, "schedule": hourly, "options": {"expires": hourly}},
        "nightly": {"task": NIGHTLY, "schedule": DAY_S, "options": {"expires": DAY_S}},
    } | _lists(settings)


def _lists(settings: Settings) -> dict[str, Any]:
    """Only where there is somewhere to fetch revocation lists from."""
    every = settings.tls.crl_seconds
    task = {"task": LISTS, "schedule": every, "options": {"expires": every}}
    return {"lists": task} if settings.tls.crl_sources else {}


def _transport(settings: Settings) -> dict[str, Any]:
    """memory:// polls fast. From Redis a message is taken for good: where acknowledgements fail while Redis is away,
    kombu counts those messages as in hand for ever, asks for no other, and never sees that its line is cut."""
    broker = settings.worker.broker
    if broker.startswith("memory:"):
        return {"polling_interval": QUICK_POLL_S}
    if broker.startswith("redis"):
        return {"ack_emulation": False, "socket_timeout": 5, "socket_connect_timeout": 2}
    return {}
