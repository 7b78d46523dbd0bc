"""The annuaire in the address field of Debian's Thunderbird: what is typed is completed by LDAP over TLS."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.flow import Flow
from tests.support.thunderbird import Thunderbird, thunderbird

pytestmark = pytest.mark.slow

# An address book of kind LDAP, its password where Thunderbird keeps those, and its completion of addresses.
SET_UP = """
const [port, login, password] = arguments;
const place = `ldaps://localhost:${port}`, spec = `${place}/o=annuaire??sub?(objectclass=*)`;
const kept = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
for (const realm of [spec, `${place}/o=annuaire`]) {
    kept.init(place, null, realm, "", password, "", "");
    await Services.logins.addLoginAsync(kept);
}
const book = MailServices.ab.newAddressBook("Annuaire", spec, Ci.nsIAbManager.LDAP_DIRECTORY_TYPE);
Services.prefs.setStringPref(`${book}.auth.dn`, login);
Services.prefs.setStringPref("ldap_2.autoComplete.directoryServer", book);
Services.prefs.setBoolPref("ldap_2.autoComplete.useDirectory", true);
return book;
"""
COMPLETE = """
const search = Cc["@mozilla.org/autocomplete/search;1?name=ldap"].createInstance(Ci.nsIAutoCompleteSearch);
const typed = arguments[0];
return await new Promise(go => search.startSearch(typed, JSON.stringify({ type: "addr_to" }), null, {
    onSearchResult(_, found) {
        const { RESULT_SUCCESS_ONGOING, RESULT_NOMATCH_ONGOING } = Ci.nsIAutoCompleteResult;
        if (![RESULT_SUCCESS_ONGOING, RESULT_NOMATCH_ONGOING].includes(found.searchResult)) {
            go(Array.from({ length: found.matchCount }, (_, at) => found.getValueAt(at)));
        }
    },
}));
"""


@pytest.fixture
async def client(flow: Flow, tmp_path: Path) -> AsyncIterator[Thunderbird]:
    user = next(one for one in flow.info["users"] if one["role"] == "pharmacist")
    async with thunderbird(tmp_path / "profile", Path(flow.info["ca_file"])) as running:
        await running.run(SET_UP, flow.info["ldap"]["ldaps"], user["address"], user["password"])
        yield running


async def completed(client: Thunderbird, typed: str) -> Any:
    return await client.run(COMPLETE, typed)


async def test_addresses_are_completed_as_they_are_typed(client: Thunderbird, flow: Flow) -> None:
    found = await completed(client, "pharm")
    assert any("<pharmacie.1@demo.mssante.test>" in one for one in found), found
    assert all("@" in one for one in found)
    assert any("pharmacie.1@demo.mssante.test" in one for one in await completed(client, "pharmacie.1@"))
    assert not await completed(client, "zzzzqq")
    flow.assert_clean()
