"""Distinguished names as sets of attributes: order, case and spaces say nothing, one attribute more says everything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.db import Db
from core.errors import BadInput
from directory.trusted import is_listed, load_trusted, names_for, parse_dn, trusts, trusts_anywhere, whole_list

DN = "CN=mss.operateur.test,OU=1990000010,O=OPÉRATEUR INVENTÉ,ST=Paris (75),C=FR"
SAME = [
    "C=FR,ST=Paris (75),O=OPÉRATEUR INVENTÉ,OU=1990000010,CN=mss.operateur.test",
    "cn=MSS.operateur.TEST, ou=1990000010, o=Opérateur  inventé, st=Paris (75), c=fr",
    "2.5.4.3=mss.operateur.test,2.5.4.11=1990000010,2.5.4.10=OPÉRATEUR INVENTÉ,S=Paris (75),C=FR",
    "CN=mss.operateur.test+OU=1990000010,O=OPÉRATEUR INVENTÉ,ST=Paris (75),C=FR",
]
OTHER = [
    DN.replace("1990000010", "1990000011"),
    DN + ",L=Paris",
    DN.removesuffix(",C=FR"),
    DN.replace("CN=", "OU="),
    DN.replace("operateur", "opérateur"),
    DN.replace(",O=OPÉRATEUR INVENTÉ", "\\,O\\=OPÉRATEUR INVENTÉ"),
]


@pytest.mark.parametrize("text", SAME)
def test_the_same_name(text: str) -> None:
    assert parse_dn(text) == parse_dn(DN)


@pytest.mark.parametrize("text", OTHER)
def test_another_name(text: str) -> None:
    assert parse_dn(text) != parse_dn(DN)


@pytest.mark.parametrize(
    "text", ["", " ", "CN", "CN=", "=x", "CN=a,", "CN=a,,C=FR", "CN=a;C=FR,", ",CN=a", "x" * 2000, "CN=a+"]
)
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(BadInput):
        parse_dn(text)


def test_escapes() -> None:
    assert parse_dn(r"O=Dupont\, Martin \2B Cie,C=FR") == frozenset({("O", "dupont, martin + cie"), ("C", "fr")})


@given(st.text(max_size=80))
def test_fuzz(text: str) -> None:
    try:
        assert parse_dn(text)
    except BadInput as refusal:
        assert len(text) < 3 or text not in str(refusal)


def test_a_domain_with_several_names(db: Db) -> None:
    other = OTHER[0]
    assert db.run(load_trusted, [("Hopital.mssante.test", DN), ("hopital.mssante.test", other), ("b.test", DN)]) == 2
    assert db.read(trusts, "HOPITAL.mssante.test", SAME[1]) and db.read(trusts, "hopital.mssante.test", other)
    assert not db.read(trusts, "b.test", other) and not db.read(trusts, "c.test", DN)
    assert not db.read(trusts, "sub.hopital.mssante.test", DN)
    assert db.read(trusts_anywhere, SAME[0]) and not db.read(trusts_anywhere, OTHER[1])
    assert db.read(is_listed, "b.test") and not db.read(is_listed, "c.test")
    assert len(db.read(names_for, "hopital.mssante.test")) == 2
    assert set(db.read(whole_list)) == {"hopital.mssante.test", "b.test"}


def test_a_bad_list_changes_nothing_and_a_good_one_replaces_all(db: Db) -> None:
    db.run(load_trusted, [("a.test", DN)])
    with pytest.raises(BadInput):
        db.run(load_trusted, [("b.test", DN), ("c.test", "nonsense")])
    assert db.read(is_listed, "a.test") and not db.read(is_listed, "b.test")
    db.run(load_trusted, [("b.test", DN)])
    assert not db.read(is_listed, "a.test") and db.read(is_listed, "b.test")
