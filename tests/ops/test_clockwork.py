"""What goes by the clock comes again, whatever became of it; each round keeps to itself."""

import threading
from collections.abc import Callable

from ops.clockwork import Clockwork, Round

WAIT_S = 30


def clock(*works: Callable[[], object]) -> Clockwork:
    made = Clockwork([Round(f"round-{number}", 0.01, work) for number, work in enumerate(works)])
    made.start()
    return made


def end(clock: Clockwork) -> None:
    clock.stop()
    for thread in clock.threads:
        thread.join(WAIT_S)
        assert not thread.is_alive()


def test_a_round_that_fails_comes_again():
    come = threading.Semaphore(0)

    def fails() -> None:
        come.release()
        raise ValueError

    made = clock(fails)
    assert all(come.acquire(timeout=WAIT_S) for _ in range(3))
    end(made)


def test_a_round_may_come_at_once_and_rests_after_that():
    let_go, come = threading.Event(), threading.Semaphore(0)
    made = Clockwork([Round("first", 3600, come.release, first=0), Round("other", 3600, let_go.set)])
    made.start()
    assert come.acquire(timeout=WAIT_S) and not come.acquire(timeout=0.1) and not let_go.is_set()
    end(made)


def test_a_long_round_keeps_no_other_waiting():
    let_go, come = threading.Event(), threading.Semaphore(0)
    made = clock(let_go.wait, come.release)
    assert all(come.acquire(timeout=WAIT_S) for _ in range(3))
    let_go.set()
    end(made)


def test_the_round_under_way_is_the_last_after_a_stop():
    begun, let_go, rounds = threading.Semaphore(0), threading.Event(), []

    def work() -> None:
        rounds.append(1)
        begun.release()
        let_go.wait(WAIT_S)

    made = clock(work)
    assert begun.acquire(timeout=WAIT_S)
    made.stop()
    let_go.set()
    end(made)
    assert len(rounds) == 1
