"""Debian's Postfix and Dovecot with their own folders: SMTP without TLS in, IMAP out, loopback only.

Between them either Dovecot's LMTP, which Debian's pages recommend, or Postfix's own virtual(8) writing the Maildir.
Every setting that touches durability or concurrency keeps its default. Nothing of /etc is read or written.
Needs root, as both servers do.
"""

import pwd
import shutil
import subprocess
from pathlib import Path

from tests.support.ports import free_port
from tests.support.process import cpu_seconds, owned_by, runs, stop, wait_until

MAIL_USER = "nobody"
TRANSPORTS = {"lmtp": "lmtp:unix:{home}/run/lmtp", "virtual": "virtual"}

DOVECOT_CONF = """
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/dovecot.log
listen = 127.0.0.1
protocols = imap lmtp
ssl = no
disable_plaintext_auth = no
auth_username_format = %Ln
mail_location = maildir:{home}/mail/%n
mail_max_userip_connections = 10000
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%n {home}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={gid} home={home}/mail/%n
}}
namespace inbox {{
  inbox = yes
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  unix_listener lmtp {{
    mode = 0666
  }}
}}
"""

MAIN_CF = """
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
daemon_directory = /usr/lib/postfix/sbin
maillog_file = {home}/postfix.log
maillog_file_prefixes = {home}
myhostname = mx.{domain}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = texthash:{home}/mailboxes
virtual_transport = {transport}
virtual_mailbox_base = {home}/mail
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
message_size_limit = 52428800
virtual_mailbox_limit = 0
alias_maps =
"""

MASTER_CF = """
{smtp} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class PostfixDovecot:
    """Both servers, with `users` mailboxes `box{n}@domain`, all of one password. A context manager.

    `tls` (certificate, key) is offered by STARTTLS. `smtp` and `imap` are the ports, `delivery` is `lmtp` or `virtual`.
    `home` must be empty and readable by other users (the servers drop their rights), its path under 80 characters
    (sockets live in it).
    """

    def __init__(
        self,
        home: Path,
        *,
        users: int,
        password: str,
        domain: str = "bench.example",
        delivery: str = "lmtp",
        tls: tuple[Path, Path] | None = None,
    ) -> None:
        self._tls = tls
        self.home, self.domain, self.delivery = home, domain, delivery
        self.smtp, self.imap = free_port(), free_port()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._configure(users, password)

    def _configure(self, users: int, password: str) -> None:
        owner = pwd.getpwnam(MAIL_USER)
        values = {"home": self.home, "domain": self.domain, "smtp": self.smtp, "imap": self.imap}
        values |= {"user": MAIL_USER, "uid": owner.pw_uid, "gid": owner.pw_gid}
        values["transport"] = TRANSPORTS[self.delivery].format(home=self.home)
        owned_by(MAIL_USER, self.home / "mail")
        owned_by("postfix", self.home / "data")
        for folder in ("etc", "queue", "run", "state"):
            (self.home / folder).mkdir()
        for path, text in {"etc/main.cf": MAIN_CF, "etc/master.cf": MASTER_CF, "dovecot.conf": DOVECOT_CONF}.items():
            (self.home / path).write_text(text.format(**values))
        if self._tls:
            with (self.home / "etc/main.cf").open("a") as settings:
                settings.write("smtpd_tls_security_level = may\n")
                settings.write("smtpd_tls_cert_file = {}\nsmtpd_tls_key_file = {}\n".format(*self._tls))
        names = [f"box{number}" for number in range(users)]
        (self.home / "users").write_text("".join(f"{name}:{{PLAIN}}{password}\n" for name in names))
        (self.home / "mailboxes").write_text("".join(f"{name}@{self.domain} {name}/\n" for name in names))

    def start(self) -> None:
        self._run(["dovecot", "-F", "-c", str(self.home / "dovecot.conf")], self.imap)
        self._run(["postfix", "-c", str(self.home / "etc"), "start-fg"], self.smtp)

    def _run(self, command: list[str], port: int) -> None:
        program = shutil.which(command[0], path="/usr/sbin:/usr/bin")
        if not program:
            raise FileNotFoundError(command[0])
        with (self.home / f"{command[0]}.out").open("wb") as out:
            process = subprocess.Popen(
                [program, *command[1:]], stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True
            )
        self._processes.append(process)
        wait_until(lambda: runs(process, port), what=command[0])

    def cpu_seconds(self) -> float:
        return sum(cpu_seconds(process.pid) for process in self._processes)

    @property
    def pids(self) -> list[int]:
        """Their parents."""
        return [process.pid for process in self._processes]

    def stop(self) -> None:
        """Postfix's master is a child of the script that we started, and would outlive it: Postfix stops itself."""
        subprocess.run(["/usr/sbin/postfix", "-c", str(self.home / "etc"), "stop"], capture_output=True, check=False)
        for process in self._processes:
            stop(process)
        self._processes = []

    def __enter__(self) -> "PostfixDovecot":
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
