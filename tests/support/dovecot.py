"""Debian's Dovecot as a second opinion: its imap process over a pipe, on a maildir of our messages."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

IMAP = Path("/usr/lib/dovecot/imap")

Value: TypeAlias = "bytes | None | list[Value]"  # string, NIL or number as octets, list


class Dovecot:
    """A home with one INBOX that holds `messages` in their order."""

    def __init__(self, home: Path, messages: Sequence[bytes]) -> None:
        self.home = home
        for folder in ("cur", "new", "tmp"):
            (home / "Maildir" / folder).mkdir(parents=True)
        for number, raw in enumerate(messages):
            (home / "Maildir" / "cur" / f"{1_000_000_000 + number}.M{number}P1.host:2,S").write_bytes(raw)
        self._user = pwd.getpwuid(os.getuid()).pw_name
        if os.getuid() == 0:
            self._give_to("nobody")
        self._configure()

    def fetch(self, number: int, items: Sequence[str]) -> dict[str, Value]:
        """The answer to one FETCH, by item name."""
        answers = self.talk([f"b FETCH {number} ({' '.join(items)})"])
        values = Reader(answers[answers.index(b"(", answers.index(b"FETCH")) :]).value()
        assert isinstance(values, list)
        names = [name.decode() for name in values[::2] if isinstance(name, bytes)]
        return dict(zip(names, values[1::2], strict=True))

    def talk(self, commands: Sequence[str]) -> bytes:
        """What Dovecot answers to these commands after SELECT INBOX."""
        lines = "\r\n".join(["a SELECT INBOX", *commands, "z LOGOUT", ""]).encode()
        environment = {"HOME": str(self.home), "USER": self._user, "PATH": os.environ["PATH"]}
        command = [str(IMAP), "-c", str(self.home / "dovecot.conf")]
        done = subprocess.run(command, input=lines, capture_output=True, timeout=30, check=True, env=environment)
        return done.stdout.partition(b"\r\na OK")[2]

    def converse(self, commands: Sequence[str]) -> list[list[str]]:
        """The lines of the answer to each command, the tagged one last, after SELECT INBOX; literals are lines, too.

        The next is said when the one before is answered: Dovecot does several commands at once where it may.
        """
        with self.session() as say:
            return [say(said) for said in ("SELECT INBOX", *commands)][1:]

    @contextmanager
    def session(self) -> Iterator[Callable[[str], list[str]]]:
        """One more session, logged in: says a command and gives its answer."""
        environment = {"HOME": str(self.home), "USER": self._user, "PATH": os.environ["PATH"]}
        command = [str(IMAP), "-c", str(self.home / "dovecot.conf")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
            yield lambda said: _answer(process, said)
            _answer(process, "LOGOUT")

    def _configure(self) -> None:
        uid = pwd.getpwnam(self._user)
        settings = {
            "mail_location": f"maildir:{self.home}/Maildir",
            "mail_home": self.home,
            "base_dir": self.home / "run",
            "log_path": self.home / "log",
            "ssl": "no",
            "mail_uid": uid.pw_uid,
            "mail_gid": uid.pw_gid,
            "first_valid_uid": 1,
        }
        text = "".join(f"{name} = {value}\n" for name, value in settings.items())
        text += "namespace inbox {\n  inbox = yes\n  separator = /\n}\n"
        (self.home / "dovecot.conf").write_text(text)

    def _give_to(self, user: str) -> None:
        """As root, Dovecot insists on dropping to somebody, who must reach the maildir: `home` is not below /root."""
        self._user = user
        for path in (self.home, *self.home.rglob("*")):
            shutil.chown(path, user)


def _answer(process: "subprocess.Popen[bytes]", command: str) -> list[str]:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(b"t %s\r\n" % command.encode())
    process.stdin.flush()
    lines = [""]
    while not lines[-1].startswith("t "):
        octets = process.stdout.readline()
        assert octets, "Dovecot has ended"
        lines.append(octets.decode("latin-1").removesuffix("\n").removesuffix("\r"))
    return lines[1:]


class Reader:
    """IMAP's parenthesised values into lists and octets; numbers and names stay octets."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.at = 0

    def value(self) -> Value:
        """The next value."""
        char = self.text[self.at : self.at + 1]
        if char == b"(":
            return self._list()
        if char == b'"':
            return self._quoted()
        if char == b"{":
            return self._literal()
        return self._atom()

    def _list(self) -> list[Value]:
        self.at += 1
        items: list[Value] = []
        while self.text[self.at : self.at + 1] != b")":
            if self.text[self.at : self.at + 1] == b" ":
                self.at += 1
            items.append(self.value())
        self.at += 1
        return items

    def _quoted(self) -> bytes:
        found = bytearray()
        self.at += 1
        while (char := self.text[self.at : self.at + 1]) != b'"':
            self.at += char == b"\\"
            found += self.text[self.at : self.at + 1]
            self.at += 1
        self.at += 1
        return bytes(found)

    def _literal(self) -> bytes:
        end = self.text.index(b"}\r\n", self.at)
        size = int(self.text[self.at + 1 : end])
        self.at = end + 3 + size
        return self.text[end + 3 : self.at]

    def _atom(self) -> bytes | None:
        start, inside = self.at, 0
        while self.at < len(self.text):
            char = self.text[self.at : self.at + 1]
            inside += (char == b"[") - (char == b"]")
            if not inside and char in {b" ", b")", b"\r"}:
                break
            self.at += 1
        word = self.text[start : self.at]
        return None if word == b"NIL" else word
