"""What the extractions with `|` have in common: one line, checked and split; one header, column by column."""

from core.errors import BadInput
from directory.extracts.files import LINE_BYTES

FIELD_CHARACTERS = 500
_FORMULAS = {"|": "|=", ";": ";="}
_ODD_SPACES = {0xA0: " ", 0x2007: " ", 0x202F: " ", 0xFEFF: "", 0xAD: ""}


class Unreadable(ValueError):
    """This line cannot be taken; the text says why and repeats nothing of it."""


class Hostile(Unreadable):
    """No extraction ever holds such a line: whoever made the file meant harm, or it is damaged."""


def text_of(line: bytes, encoding: str = "utf-8") -> str:
    """A line without its end, decoded, free of control characters. Raises Unreadable."""
    if len(line) > LINE_BYTES:
        raise Hostile("line too long")
    try:
        text = line.rstrip(b"\r\n").decode(encoding)
    except UnicodeDecodeError:
        raise Unreadable("not UTF-8") from None
    if not text.isprintable():
        text = text.translate(_ODD_SPACES)
        if not text.isprintable():
            raise (Hostile if "\0" in text else Unreadable)("control character")
    return text


def fields_of(text: str, count: int, separator: str = "|") -> list[str]:
    """The `count` fields of a line; one more is taken when it is empty. Raises Unreadable."""
    if "=" in text and (_FORMULAS[separator] in text or text[0] == "="):  # what a spreadsheet would run
        raise Hostile("formula")
    fields = text.split(separator)
    if len(fields) == count + 1 and not fields[-1]:
        fields.pop()
    if len(fields) != count:
        raise Unreadable(f"not {count} columns")
    if len(text) > FIELD_CHARACTERS and max(map(len, fields)) > FIELD_CHARACTERS:
        raise Unreadable("field too long")
    return fields


def header_names(line: bytes) -> tuple[str, ...]:
    """The names of a header line, without the empty one that sister extractions end in."""
    text = line.rstrip(b"\r\n").removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    names = [name.strip().replace("’", "'") for name in text.split("|")]
    if names[-1:] == [""]:
        names.pop()
    return tuple(names)


def check_header(line: bytes, columns: tuple[str, ...], what: str) -> None:
    """Raises BadInput unless the columns are exactly these: a moved column would put a name into an address."""
    names = header_names(line)
    if names == columns:
        return
    if sorted(names) == sorted(columns):
        raise BadInput(f"{what} : les colonnes ne sont pas dans l'ordre attendu", "columns in another order")
    raise BadInput(f"ce fichier n'est pas une extraction {what}", f"header is not the {len(columns)} columns expected")
