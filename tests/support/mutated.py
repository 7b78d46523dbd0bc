"""Good files made bad, for hypothesis."""

from hypothesis import strategies as st

BITS = st.tuples(st.integers(0, 2**16), st.binary(max_size=6))


@st.composite
def mutated(draw, seeds):
    """A good file with some bytes replaced, cut or doubled."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for at, patch in draw(st.lists(BITS, max_size=8)):
        at %= len(data) + 1
        data[at : at + draw(st.integers(0, 8))] = patch
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)
