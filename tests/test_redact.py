"""Redaction: what is secret never shows, what is not secret stays readable, and a change still shows."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.redact import Redactor, looks_secret

KEY = b"k" * 32
SECRET = "hunter22"


@pytest.fixture
def redactor():
    return Redactor(KEY, frozenset({SECRET, "tiny", "line one\nline two\n"}))


@pytest.mark.parametrize(
    "key",
    [
        "password", "POSTGRES_PASSWORD", "MYSQL_ROOT_PASSWORD", "DBPASSWD", "passphrase", "client-secret", "SECRET_KEY_BASE",
        "GITHUB_TOKEN", "AUTHTOKEN", "API_KEY", "apiKey", "apikey", "PRIVATE_KEY", "AWS_SECRET_ACCESS_KEY", "ACCESS_KEY",
        "credential", "SMTP_CREDENTIALS", "BASIC_AUTH", "auth", "DB_PASS", "MYSQL_PWD", "JWT_KEY", "ENCRYPTION_KEY",
        "traefik.http.middlewares.login.basicauth.users", "splunk-token",
    ],
)  # fmt: skip
def test_the_name_says_that_the_value_is_secret(key):
    """Names under which people keep secrets are known, however they are spelt."""
    assert looks_secret(key)


@pytest.mark.parametrize(
    "key",
    [
        "author", "AUTHOR_NAME", "authority", "AUTH_ENABLED", "tokenizer", "TOKENIZERS", "compass", "BYPASS", "passenger",
        "PWDUMP", "keyboard", "monkey", "KEY_COUNT", "POSTGRES_PASSWORD_FILE", "token_path", "secrets", "image", "command",
        "com.docker.compose.service", "PATH", "PUBLIC_KEY",
    ],
)  # fmt: skip
def test_an_ordinary_name_hides_nothing(key):
    """A plan stays readable: words that only resemble secret ones are no reason to hide a value."""
    assert not looks_secret(key)


def test_a_known_secret_is_masked_wherever_it_shows_up(redactor):
    """A value from env_dir that turns up in a command, a label or an error is not readable there."""
    masked = redactor.mask("command", ["serve", f"--login=admin:{SECRET}@x"])

    assert SECRET not in str(masked)
    assert masked[0] == "serve"
    assert SECRET not in redactor.text(f"cannot log in with {SECRET}: refused")


@pytest.mark.parametrize("secret", ['pa"ss\\word', "line one\nline two", "tab\tand\\"])
def test_a_secret_in_quotes_is_masked_too(secret):
    """Compose, the engine and runc put what they repeat between quotes; the digest is that of the value itself."""
    redactor = Redactor(KEY, frozenset({secret}))
    said = f"invalid duration {json.dumps(secret)}"

    assert redactor.text(said) == f'invalid duration "{redactor.text(secret)}"'


def test_short_and_padded_secrets(redactor):
    """Below six characters a secret is an ordinary word; the newline at the end of a secret's file is not part of it."""
    assert redactor.text("a tiny thing") == "a tiny thing"
    assert "line two" not in redactor.text("got: line one\nline two")


def test_a_secret_inside_a_name_is_masked_too(redactor):
    """Neither the name before an equals sign nor the user of an address is a place to hide in."""
    assert SECRET not in redactor.text(f"x{SECRET}=1")
    assert SECRET not in redactor.text(f"https://x{SECRET}:pw@host/")


def test_the_value_of_a_secret_key_is_masked_as_a_whole(redactor):
    """The variable stays visible, its value does not; two values differ, equal ones are equal."""
    first = redactor.mask("environment.DB_PASSWORD", "abc")

    assert first != "abc"
    assert first.startswith("…")
    assert len(first) == 9
    assert first == redactor.mask("environment.DB_PASSWORD", "abc")
    assert first != redactor.mask("environment.DB_PASSWORD", "abd")


def test_nothing_is_not_a_secret(redactor):
    """An empty, absent or yes-no value tells nothing and stays, so that its appearance shows."""
    assert [redactor.mask("environment.TOKEN", value) for value in ("", None, True)] == ["", None, True]
    assert redactor.mask("environment.PIN_PASSWORD", 1234) != 1234


def test_dotted_labels_are_one_key(redactor):
    """A label's name holds dots; a secret word anywhere in it counts, by path and in the whole document alike."""
    document = {"labels": {"app.secret.value": "s3cr3t", "app.author": "me"}, "image": "app:1"}
    masked = redactor.document(document)

    assert masked["labels"]["app.secret.value"] == redactor.mask("labels.app.secret.value", "s3cr3t") != "s3cr3t"
    assert masked["labels"]["app.author"] == "me"
    assert masked["image"] == "app:1"


def test_users_names_of_networks_and_secrets_hide_nothing(redactor):
    """A network called `secret-net` or compose's own `secrets` list are structure, not values."""
    document = {
        "networks": {"secret-net": {"aliases": ["db"]}},
        "secrets": [{"source": "db_password", "target": "/run/secrets/db_password"}],
    }

    assert redactor.document(document) == document
    assert redactor.mask("volumes[/run/secrets/db_password]", "/srv/db") == "/srv/db"


@pytest.mark.parametrize(
    ("url", "stays"),
    [
        ("postgres://app:pa55@db/x", "postgres://app:"),
        ("https://me:p@ss@git.example/r.git", "https://me:"),
        ("redis://:pa55@cache:6379", "redis://:"),
    ],
)
def test_only_the_password_of_an_address_is_masked(redactor, url, stays):
    """Who logs in where stays readable; the password does not."""
    masked = redactor.text(f"see {url} now")

    assert masked.startswith(f"see {stays}…")
    assert masked.partition("…")[2][8:] == f"@{url.rpartition('@')[2]} now"


@pytest.mark.parametrize("url", ["ssh://git@host/r.git", "https://host/a@b", "git@host:r.git", "http://user@host/"])
def test_an_address_without_password_stays(redactor, url):
    """A user's name alone is no secret."""
    assert redactor.text(url) == url


def test_a_token_in_place_of_the_user_is_masked(redactor):
    """Git hosts take a token as the user's name."""
    assert "abcdefghijklmnopqrst" not in redactor.text("https://abcdefghijklmnopqrst@host/r.git")


def test_assignments_in_free_text(redactor):
    """A command line, a query string or an error that spells `password=…` shows the name only."""
    masked = redactor.text("run --password=topsecret --mode=fast 'https://h/?token=abc&x=1'")

    assert "topsecret" not in masked
    assert "token=abc" not in masked
    assert "--mode=fast" in masked
    assert masked.endswith("&x=1'")


def test_the_digest_depends_on_the_devices_key():
    """Two devices show different digests: a dictionary made on one is worth nothing on the other."""
    one, other = Redactor(KEY, frozenset()), Redactor(b"o" * 32, frozenset())

    assert one.mask("environment.PASSWORD", "x") != other.mask("environment.PASSWORD", "x")


WORDS = st.lists(
    st.sampled_from([SECRET, "…", "://", "@", ":", "a", "=", "password", " ", "&", "0f" * 4, "token", "-", "'"])
).map("".join)


@given(WORDS)
def test_masking_twice_changes_nothing(text):
    """What is masked already stays, and no secret is left."""
    redactor = Redactor(KEY, frozenset({SECRET, "0f" * 4}))
    masked = redactor.text(text)

    assert SECRET not in masked
    assert redactor.text(masked) == masked


@given(st.sets(st.text(alphabet="ab", min_size=6, max_size=9), min_size=1), st.data())
def test_every_secret_is_found_whatever_the_others_are(secrets, data):
    """Secrets that begin alike do not hide one another."""
    text = data.draw(st.sampled_from(sorted(secrets)))
    masked = Redactor(KEY, frozenset({*secrets, text[:6]})).text(f"<{text}>")

    assert re.fullmatch("<…[0-9a-f]{8}>", masked)


@pytest.mark.timeout(30)
def test_thousands_of_secrets_do_not_pile_up():
    """Three thousand secrets over a long log end in time: the pattern branches, it does not try them one by one."""
    redactor = Redactor(KEY, frozenset(f"{number:05d}-secret-{number * 7919 % 10007}" for number in range(3000)))
    text = "\n".join(f"line {number} says nothing of note, at {number * 31} o'clock" for number in range(3000))

    assert redactor.text(text) == text
