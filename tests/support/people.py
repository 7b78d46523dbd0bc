"""Invented matricules and addresses, with right keys, for examples and for hypothesis."""

from hypothesis import strategies as st

from core.ins import Ins, key_of

CORSICA = ("2A", "2B", "2a", "2b")


def _digits(count: int, least: int = 0) -> st.SearchStrategy[str]:
    return st.integers(least, 10**count - 1).map(lambda number: f"{number:0{count}}")


def bodies() -> st.SearchStrategy[str]:
    """Thirteen characters of the shape of a NIR, Corsica often."""
    months = st.one_of(st.integers(1, 12), st.integers(20, 99)).map(lambda month: f"{month:02}")
    departments = st.one_of(_digits(2, 1), st.sampled_from(CORSICA))
    return st.tuples(st.sampled_from("12"), _digits(2), months, departments, _digits(3), _digits(3)).map("".join)


def matricules() -> st.SearchStrategy[str]:
    """Fifteen characters, key included."""
    return bodies().map(lambda body: body + key_of(body))


def invented(rank: int = 1) -> Ins:
    """The same invented person for the same rank (1 to 999), born in a department that does not exist."""
    body = f"1790399123{rank:03}"
    return Ins(body + key_of(body))


CHILD = Ins("2190399123456" + key_of("2190399123456"))  # a girl, born in March 2019
