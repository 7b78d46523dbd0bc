"""A bench's table goes into docs/performance.md, between markers of its own."""

from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"


def put_table(name: str, heading: str, text: str, page: Path = PAGE) -> None:
    """In place of the last one; at the end of the page the first time."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    whole = page.read_text(encoding="utf-8")
    if begin not in whole:
        whole = f"{whole.rstrip()}\n\n## {heading}\n`python tests/bench/{name}.py`\n\n{begin}\n{end}\n"
    before, _, rest = whole.partition(begin)
    page.write_text(f"{before}{begin}\n{text}{end}{rest.partition(end)[2]}", encoding="utf-8")
