"""The annuaire by LDAP, judged by Debian's `ldapsearch` against a running demonstration."""

import os
import subprocess

import pytest

from tests.support.flow import Flow

pytestmark = pytest.mark.slow


def ask(
    flow: Flow, *words: str, tls: str = "start", login: str = "", password: str = ""
) -> subprocess.CompletedProcess:
    """`login` empty: the demonstration's pharmacist."""
    facts = flow.info
    user = next(one for one in facts["users"] if one["role"] == "pharmacist")
    who = ("-D", login or user["address"], "-w", password or user["password"]) if login != "nobody" else ()
    port = facts["ldap"]["ldaps" if tls == "implicit" else "ldap"]
    url = f"{'ldaps' if tls == 'implicit' else 'ldap'}://127.0.0.1:{port}"
    command = [
        "ldapsearch",
        "-x",
        "-LLL",
        "-o",
        "ldif-wrap=no",
        "-H",
        url,
        *(["-ZZ"] if tls == "start" else []),
        *who,
        *words,
    ]
    environment = os.environ | {"LDAPTLS_CACERT": facts["ca_file"]}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


def addresses(done: subprocess.CompletedProcess) -> list[str]:
    return [line.split(": ")[1] for line in done.stdout.splitlines() if line.startswith("mail: ")]


def test_what_mail_clients_type(flow: Flow) -> None:
    thunderbird = "(|(mail=*pharm*)(cn=*pharm*)(givenName=*pharm*)(sn=*pharm*))"
    found = ask(flow, "-b", "o=annuaire", thunderbird, "cn", "mail", "userCertificate;binary")
    assert found.returncode == 0 and "pharmacie.1@demo.mssante.test" in addresses(found)
    assert "userCertificate;binary::" in found.stdout


def test_by_tls_from_the_first_octet_with_a_size_limit(flow: Flow) -> None:
    found = ask(flow, "-b", "o=annuaire", "-z", "3", "(mail=*)", "mail", tls="implicit")
    assert found.returncode == 4 and len(addresses(found)) == 3


def test_pages_hold_everything_once(flow: Flow) -> None:
    whole = ask(flow, "-b", "o=annuaire", "-E", "pr=7/noprompt", "(cn=pharmacie*)", "mail")
    assert whole.returncode == 0 and len(set(addresses(whole))) == len(addresses(whole)) > 7


def test_and_or_not_presence_and_order(flow: Flow) -> None:
    others = ask(
        flow,
        "-b",
        "ou=structures,o=annuaire",
        "(&(cn=pharmacie*)(!(postalCode<=30000))(|(l=*)(o=*)))",
        "postalCode",
        "mail",
    )
    codes = [line.split(": ")[1] for line in others.stdout.splitlines() if line.startswith("postalCode: ")]
    assert others.returncode == 0 and codes and min(codes) > "30000"


def test_who_may_not(flow: Flow) -> None:
    patient = next(one for one in flow.info["users"] if one["role"] == "patient")
    search = ("-b", "o=annuaire", "(cn=*)")
    assert ask(flow, *search, login="nobody").returncode == 50
    assert ask(flow, *search, tls="none").returncode == 13
    assert ask(flow, *search, login="x@y.test", password="z").returncode == 49
    assert ask(flow, *search, login=patient["address"], password=patient["password"]).returncode == 50


def test_it_describes_itself(flow: Flow) -> None:
    root = ask(flow, "-b", "", "-s", "base", "+", "*")
    assert "namingContexts: o=annuaire" in root.stdout and "1.2.840.113556.1.4.319" in root.stdout
    schema = ask(flow, "-b", "cn=Subschema", "-s", "base", "objectClasses")
    assert "inetOrgPerson" in schema.stdout


def test_nobody_is_named_in_the_log(flow: Flow) -> None:
    ask(flow, "-b", "o=annuaire", "(cn=pharmacie*)", "mail")
    flow.assert_clean()
