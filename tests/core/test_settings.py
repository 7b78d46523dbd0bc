"""Settings: sources and their order, what is refused in one line, and the manual."""

import tomllib

import pytest

from core.ins import OID_NIR, OID_TEST
from core.manual import describe
from core.settings import BadSettings, Settings, names


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    import os

    for name in list(os.environ):
        if name.startswith("PLI_"):
            monkeypatch.delenv(name)


@pytest.fixture
def toml(tmp_path):
    def write(text):
        (tmp_path / "pli.toml").write_text(text, encoding="utf-8")
        return tmp_path

    return write


def refusal(home, **overrides):
    with pytest.raises(BadSettings) as caught:
        Settings.load(home, **overrides)
    text = caught.value.public
    assert "\n" not in text
    assert len(text) < 200
    return text


def test_without_any_source_it_is_the_demo(tmp_path):
    settings = Settings.load(tmp_path)
    assert settings.environment == "demo"
    assert settings.home == tmp_path
    assert settings.database_url == f"sqlite:///{tmp_path}/pli.db"
    ports = [settings.listen.port(name) for name in ("mx", "submission", "submissions", "imap", "imaps", "http")]
    assert ports == [2525, 2587, 2465, 2143, 2993, 8025]
    assert (settings.outbox.lease_seconds, settings.outbox.sweep_seconds, settings.outbox.attempts) == (120, 5, 12)
    assert settings.worker.broker == "memory://"
    assert settings.limits.message_octets == 25 * 1024 * 1024
    assert settings.identity.patient_domains == {"patient.mssante.fr"}


def test_the_later_source_wins(toml, monkeypatch):
    home = toml("[listen]\nmx = 1\nimap = 2\nhttp = 3\n")
    monkeypatch.setenv("PLI_LISTEN__IMAP", "20")
    monkeypatch.setenv("PLI_LISTEN__HTTP", "30")
    settings = Settings.load(home, listen={"http": 300, "port_offset": 1000})
    assert [settings.listen.port(name) for name in ("mx", "imap", "http", "imaps")] == [1001, 1020, 1300, 3993]


def test_the_home_is_named_by_argument_then_by_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("PLI_HOME", str(tmp_path / "a"))
    assert Settings.load().home == tmp_path / "a"
    assert Settings.load(tmp_path / "b").home == tmp_path / "b"


def test_the_file_of_the_home_named_by_variable_is_read(toml, monkeypatch):
    monkeypatch.setenv("PLI_HOME", str(toml("[outbox]\nattempts = 3\n")))
    assert Settings.load().outbox.attempts == 3


def test_a_list_comes_from_a_variable_as_json(tmp_path, monkeypatch):
    monkeypatch.setenv("PLI_IDENTITY__PATIENT_DOMAINS", '["patients.example"]')
    assert Settings.load(tmp_path).identity.patient_domains == {"patients.example"}
    monkeypatch.setenv("PLI_IDENTITY__PATIENT_DOMAINS", "patients.example")
    assert "JSON" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("foo = 1", "unknown setting foo"),
        ("[listen]\nprot = 1", "unknown setting listen.prot"),
        ("[lisen]\nmx = 1", "unknown setting lisen"),
        ("[listen]\nmx = 'x'", "listen.mx"),
        ("[listen]\nmx = 0", "listen.mx"),
        ("[listen]\nmx = 70000", "listen.mx"),
        ("[listen]\nport_offset = -1", "listen.port_offset"),
        ("[listen]\nport_offset = 60000", "port_offset"),
        ("[limits]\nrecipients = 99", "limits.recipients"),
        ("[limits]\nmessage_octets = 1", "limits.message_octets"),
        ("[outbox]\nlease_seconds = 0", "outbox.lease_seconds"),
        ("[identity]\npatient_domains = []", "identity.patient_domains"),
        ("[identity]\nins_oid = '1.2.3'", "identity.ins_oid"),
        ("listen = 3", "listen"),
        ("environment = 'prod'", "environment"),
        ("home = '/elsewhere'", "home"),
        ("[listen\nmx = 1", "cannot be read"),
        ("\x00", "cannot be read"),
    ],
)
def test_what_the_file_says_wrong_is_told_in_one_line(toml, text, word):
    assert word in refusal(toml(text))


def test_a_file_that_is_not_utf8(tmp_path):
    (tmp_path / "pli.toml").write_bytes(b"environment = '\xff\xfe'")
    assert "cannot be read" in refusal(tmp_path)


def test_a_file_that_is_a_folder(tmp_path):
    (tmp_path / "pli.toml").mkdir()
    assert Settings.load(tmp_path).environment == "demo"


@pytest.mark.parametrize("name", ["PLI_LISTEN__PROT", "PLI_DATABSE__URL", "PLI_FOO", "PLI_LISTEN_MX", "pli_foo"])
def test_a_misspelt_variable_is_told(tmp_path, monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert name in refusal(tmp_path)


@pytest.mark.parametrize("secret", ["postgresql://pli:hunter2@db/pli", "x:hunter2"])
def test_a_refusal_and_a_repr_never_show_a_password(toml, secret):
    home = toml(f"[database]\nurl = '{secret}'\nport = 'hunter2'\n")
    assert "hunter2" not in refusal(home)
    settings = Settings.load(toml(""), database={"url": secret}, worker={"broker": f"amqp://{secret}"})
    assert "hunter2" not in repr(settings) + str(settings) + describe(settings)


@pytest.mark.parametrize("environment", ["test", "production"])
def test_insecure_loopback_is_for_the_demo_only(tmp_path, environment):
    assert Settings.load(tmp_path, insecure_loopback=True).insecure_loopback
    assert "insecure_loopback" in refusal(tmp_path, environment=environment, insecure_loopback=True)


def test_each_environment_has_its_oid(tmp_path):
    assert Settings.load(tmp_path).ins_oid == OID_TEST
    assert Settings.load(tmp_path, environment="test").ins_oid == OID_TEST
    production = Settings.load(tmp_path, environment="production")
    assert production.ins_oid == OID_NIR
    assert production.production
    assert "ins_oid" in refusal(tmp_path, environment="production", identity={"ins_oid": OID_TEST})
    assert "ins_oid" in refusal(tmp_path, environment="demo", identity={"ins_oid": OID_NIR})


def test_a_worker_apart_needs_a_broker_and_postgresql(tmp_path):
    assert "broker" in refusal(tmp_path, worker={"embedded": False})
    apart = {"embedded": False, "broker": "redis://localhost"}
    assert "PostgreSQL" in refusal(tmp_path, worker=apart)
    assert Settings.load(tmp_path, worker=apart, database={"url": "postgresql:///pli"}).worker.concurrency == 2


def test_paths_stand_in_the_home_unless_absolute(tmp_path):
    settings = Settings.load(tmp_path, tls={"key": "/etc/pli.key", "ca_file": "own/ca.pem"})
    assert settings.certificate == tmp_path / "tls/server.pem"
    assert str(settings.key) == "/etc/pli.key"
    assert settings.ca_file == tmp_path / "own/ca.pem"
    assert settings.crl_file == tmp_path / "tls/crl.pem"


def test_nothing_changes_them(tmp_path):
    settings = Settings.load(tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        settings.environment = "production"
    with pytest.raises(ValueError, match="frozen"):
        settings.listen.mx = 1


def test_the_manual_is_a_file_that_loads_to_the_defaults(toml):
    home = toml(describe())
    assert Settings.load(home) == Settings.load(home.parent / "none").model_copy(update={"home": home})


def test_the_manual_holds_every_setting_and_its_variable():
    manual = tomllib.loads(describe())
    for name in names():
        if name == "home":
            continue
        table, _, key = name.rpartition(".")
        assert key in (manual[table] if table else manual)
        assert f"(PLI_{name.upper().replace('.', '__')})" in describe()


def test_the_manual_shows_what_is_in_force(tmp_path):
    shown = describe(Settings.load(tmp_path, listen={"hostname": "msg.hopital.example"}))
    assert tomllib.loads(shown)["listen"]["hostname"] == "msg.hopital.example"
