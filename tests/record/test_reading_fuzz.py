"""Whatever comes, the reading answers: bytes, texts, tables of words, pieces of structure."""

from hypothesis import given, settings
from hypothesis import strategies as st

from record.lines import STRENGTH, propose
from record.reading import cda_med
from record.reading.against import against_reference, agreed
from record.reading.codes import shown
from record.reading.picture import Found
from record.reading.read import Reader
from record.reading.tesseract import _lines
from tests.support.medicines import INDEX
from tests.support.reading_files import HEAD, e_med, treatment

PIECES = "XARELTO LEVOTHYROX DOLIPRANE ZZYZX 20 75 1O 2,5 mg µg ug ig g /mi /ml + UI comprimé 1 cp matin pendant ( )"
WORDS = st.lists(st.sampled_from(PIECES.split()), max_size=14).map(" ".join)


@given(st.binary(max_size=3000))
def test_any_bytes(data: bytes) -> None:
    reading = Reader(lambda: INDEX).read(data, "x")
    assert reading.lines == () or not reading.refused


@given(WORDS, WORDS)
def test_no_strength_of_a_picture_is_sure_unless_known(first: str, second: str) -> None:
    """Sure means: both looks alike, and a medicine of that very name has that very strength."""
    lines = agreed(propose(first + " comprimé"), propose(second + " comprimé"))
    for line in (against_reference(line, INDEX, picture=True) for line in lines):
        if line.strength and STRENGTH not in line.to_confirm:
            assert any(line.strength in text for text in (first, second))
            assert INDEX.match(line.name, line.strength).gate.name == "EXACT"


@given(WORDS)
def test_without_reference_no_strength_of_a_picture_is_sure(row: str) -> None:
    for line in propose(row + " comprimé"):
        assert STRENGTH in against_reference(line, None, picture=True).to_confirm


@given(st.text(max_size=400))
def test_any_table_of_words(rest: str) -> None:
    assert all(line.text for line in _lines(HEAD + rest, 100))


@given(st.sampled_from(["QRCode", "DataMatrix", "Aztec", "?"]), st.text(max_size=300))
def test_any_code(kind: str, text: str) -> None:
    for code in shown((Found(kind, text),)):
        assert len(code.number) <= 200 and code.number.isprintable() or code.number


@given(st.text(max_size=60), st.text(max_size=20), st.data())
@settings(max_examples=60)
def test_any_structure(label: str, value: str, data: st.DataObject) -> None:
    quoted = "".join(f"&#{ord(letter)};" if ord(letter) > 31 else " " for letter in label)
    whole = e_med(treatment(quoted, repeat=f'<repeatNumber value="{value.encode("ascii", "ignore").decode()}"/>'))
    cut = data.draw(st.integers(0, len(whole)))
    for document in (whole, whole[:cut], whole[:cut] + whole[cut + 1 :]):
        assert len(cda_med.read(document).lines) <= 1
