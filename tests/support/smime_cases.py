"""The table of S/MIME cases: what is wrong with each, what we answer, what `openssl cms -verify` says.

`python -m tests.support.smime_cases` writes it into docs/standards.md, with the CPU time of each.
"""

from __future__ import annotations

import functools
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from crypto.trust import Trust
from crypto.verdict import Reason, Verdict
from crypto.verify import verify_message
from tests.support import (
    message_rows,
    name_rows,
    path_rows,
    policy_rows,
    revocation_rows,
    sender_rows,
    smime_rows,
)
from tests.support.house import ROOT
from tests.support.pki import SIGNER
from tests.support.smime_makers import Given

BEGIN, END = "<!-- smime:begin -->", "<!-- smime:end -->"
PAGE = ROOT / "docs" / "standards.md"


@dataclass(frozen=True)
class Case:
    """`openssl`: whether `openssl cms -verify` accepts the same message under the same authorities and lists."""

    group: str
    name: str
    make: Callable[[], bytes | Given]
    answer: Reason
    openssl: bool

    @functools.cached_property
    def given(self) -> Given:
        made = self.make()
        return made if isinstance(made, Given) else Given(made)

    def judge(self) -> Verdict:
        trust = Trust.load(self.given.roots, self.given.between, self.given.crls)
        return verify_message(self.given.raw, trust=trust, at=self.given.at, envelope_sender=self.given.sender)

    def openssl_accepts(self) -> bool:
        """With its strict flags, our authorities, and our lists where there are any."""
        with tempfile.TemporaryDirectory() as name:
            folder, given = Path(name), self.given
            lists = b"".join(x509.load_der_x509_crl(one).public_bytes(Encoding.PEM) for one in given.crls or ())
            for file, data in {"ca": given.roots + lists, "middle": given.between, "mail": given.raw}.items():
                (folder / file).write_bytes(data)
            command = ["openssl", "cms", "-verify", "-x509_strict", "-purpose", "smimesign", "-in", "mail"]
            command += [
                "-CAfile",
                "ca",
                "-certfile",
                "middle",
                "-attime",
                str(int(given.at.timestamp())),
                "-out",
                "out",
            ]
            command += ["-verify_email", SIGNER]
            command += [] if given.crls is None else ["-crl_check_all", "-extended_crl", "-use_deltas"]
            return subprocess.run(command, capture_output=True, timeout=60, check=False, cwd=folder).returncode == 0


PAGES = (smime_rows, message_rows, sender_rows, path_rows, name_rows, policy_rows, revocation_rows)
GROUPS = ("Genuine", "Content", "Structure", "Message", "Algorithm", "Path", "Revocation", "Sender")
CASES = tuple(sorted((Case(*each) for page in PAGES for each in page.ROWS), key=lambda case: GROUPS.index(case.group)))


def row(case: Case) -> str:
    """One line of the page, without the time."""
    answer = case.answer
    verdict = Verdict(answer).signature.value
    return f"| {case.group} | {case.name} | {verdict} | {answer.value} | {'accepts' if case.openssl else 'refuses'} |"


def block(seconds: dict[str, float]) -> str:
    slowest = max(seconds, key=seconds.__getitem__)
    differ = sum(case.openssl != (case.answer is Reason.OK) for case in CASES)
    head = (
        f"{len(CASES)} cases; the slowest, “{slowest}”, took {1000 * seconds[slowest]:.0f} ms of CPU, trust made anew "
        f"each time. In {differ} of them `openssl cms -verify` says something else.\n\n"
        "| Group | Case | Verdict | Reason | openssl |\n|---|---|---|---|---|\n"
    )
    return f"{BEGIN}\n{head}" + "\n".join(map(row, CASES)) + f"\n{END}"


def main() -> None:
    seconds = {}
    for case in CASES:
        _ = case.given
        began = time.process_time()
        found = case.judge()
        seconds[case.name] = time.process_time() - began
        if found.reason is not case.answer or case.openssl_accepts() is not case.openssl:
            print(f"{case.group}: {case.name}: {found.reason.value}, openssl {case.openssl_accepts()}")
    text = PAGE.read_text(encoding="utf-8")
    if BEGIN not in text:
        text = f"{text.rstrip()}\n\n## S/MIME, case by case\n\n{BEGIN}\n{END}\n"
    PAGE.write_text(text[: text.index(BEGIN)] + block(seconds) + text[text.index(END) + len(END) :], encoding="utf-8")


if __name__ == "__main__":
    main()
