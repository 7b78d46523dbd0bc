"""Celery: muscle, never memory. One task; a message carries a row number and nothing else.

Whatever a broker loses or repeats does no harm: the outbox row is the promise, its lease says who works on it, and the
sweep finds what no message told of.
"""

from typing import Any

from celery import Celery

from core.settings import Settings
from ops.keeper import Keeper
from ops.lost_line import LostLine

RUN_ONE = "pli.run_one"
QUICK_POLL_S = 0.02  # memory:// looks for messages so often


def make_celery(settings: Settings) -> Celery:
    """A configured app without its task: enough to send."""
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
    )
    app.steps["consumer"].add(LostLine)
    return app


def bind(app: Celery, keeper: Keeper) -> None:
    """Give the app its task."""

    @app.task(name=RUN_ONE, shared=False)
    def run_one(row_id: int) -> None:
        keeper.run_one(row_id)


def _transport(settings: Settings) -> dict[str, Any]:
    """memory:// polls fast. From Redis a message is taken for good: where acknowledgements fail while Redis is away,
    kombu counts those messages as in hand for ever, asks for no other, and never sees that its line is cut."""
    broker = settings.worker.broker
    if broker.startswith("memory:"):
        return {"polling_interval": QUICK_POLL_S}
    if broker.startswith("redis"):
        return {"ack_emulation": False, "socket_timeout": 5, "socket_connect_timeout": 2}
    return {}
