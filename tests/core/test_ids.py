"""Identifiers: in order of time, never twice."""

from concurrent.futures import ThreadPoolExecutor

from core.clock import FakeClock, epoch_ms, from_epoch_ms
from core.ids import new_id, token


def test_ids_grow_and_are_never_given_twice() -> None:
    with ThreadPoolExecutor(4) as threads:
        batches = list(threads.map(lambda _: [new_id() for _ in range(2000)], range(4)))
    assert all(batch == sorted(batch) for batch in batches)
    assert len({number for batch in batches for number in batch}) == 8000
    assert all(0 < number < 2**63 for number in batches[0])


def test_tokens_differ() -> None:
    assert len({token() for _ in range(1000)}) == 1000
    assert len(token(32)) >= 43


def test_time_survives_its_table_form() -> None:
    now = FakeClock().now()
    assert from_epoch_ms(epoch_ms(now)) == now
