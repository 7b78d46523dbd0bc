"""edsnlp, run by a Python that has it: texts of pages on standard input, a JSON line of medicines for each.

    pip install edsnlp    # in an environment of its own; its list of medicines comes with the package

A medicine is a row with a name that `eds.drugs` knows; its strength what `eds.quantities` finds behind it in that row,
durations left out. Texts come as JSON strings, one a line.
"""

import json
import sys
from collections.abc import Iterator

import edsnlp
from spacy.tokens import Doc

_DURATION = "{'time': 1}"


def pipeline() -> edsnlp.Pipeline:
    """The pipes as their documentation puts them together, for units of all kinds."""
    made = edsnlp.blank("eds")
    for pipe in ("eds.normalizer", "eds.sentences", "eds.drugs"):
        made.add_pipe(pipe)
    made.add_pipe("eds.quantities", config={"quantities": "all", "use_tables": False})
    return made


def medicines(rows: list[Doc]) -> Iterator[dict[str, str]]:
    for row in rows:
        drugs = row.spans["drug"]
        if not drugs:
            continue
        first = min(drugs, key=lambda span: span.start)
        behind = [span for span in row.spans["quantities"] if span.start >= first.end and not _is_duration(span)]
        yield {"name": first.text, "strength": "/".join(span.text for span in behind)}


def _is_duration(span) -> bool:
    value = span._.value
    return value.registry.parse_unit(value.unit)[0] == _DURATION


def main() -> None:
    nlp = pipeline()
    for line in sys.stdin:
        rows = [row for row in json.loads(line).splitlines() if row.strip()]
        print(json.dumps(list(medicines(list(nlp.pipe(rows))))), flush=True)


if __name__ == "__main__":
    main()
