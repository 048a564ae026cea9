"""What a store's name shows, and what it never does."""

import sqlite3
import subprocess
import sys

import psycopg
import pytest
from hypothesis import given, strategies as st

from seawall.ledger.connect import connect, driver_errors, shown, without_secrets
from seawall.ledger.store import NotThere, StoreError


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("/var/lib/fund", "/var/lib/fund"),
        ("a@b", "a@b"),
        ("postgresql://db.example:5432/fund", "postgresql://db.example:5432/fund"),
        ("postgresql://ann:secret@db.example/fund", "postgresql://db.example/fund"),
        ("postgres://ann@db.example/fund?sslmode=require", "postgres://db.example/fund"),
        ("postgresql://ann:se/cr@et@db.example/fund", "postgresql://db.example/fund"),
        ("postgresql://ann:se?cret@db.example/fund", "postgresql://***"),
        ("postgresql:///fund?password=secret@x", "postgresql://***"),
        ("postgresql:///fund?password=secret", "postgresql:///fund"),
    ],
)
def test_a_url_shows_its_place_only(where, name):
    assert shown(where) == name


WORDS = st.text(alphabet="abcXYZ019%?/:@#=&", min_size=6, max_size=12).map(lambda word: f"s3cr{word}t")


@given(WORDS, st.sampled_from(["", "?sslmode=require", "?options=-csearch_path%3Dx", "?application_name=a@b"]))
def test_no_password_survives_in_a_name_or_a_message(password, options):
    where = f"postgresql://ann:{password}@db/fund{options}"
    message = f"could not use {where}: password {password} of ann is wrong"
    assert password not in shown(where)
    assert password not in without_secrets(message, where)


def test_a_password_among_the_options_is_a_secret_too():
    where = "postgresql:///fund?user=ann&password=pa%20ss"
    assert without_secrets("pa%20ss or pa ss of ann", where) == "*** or *** of ann"
    assert without_secrets("pa ss", "/a/folder") == "pa ss"


def test_a_place_without_a_ledger_is_told_apart(place, tmp_path):
    with pytest.raises(NotThere):
        connect(place)
    with pytest.raises(StoreError) as caught:
        connect("postgresql://127.0.0.1:1/x")
    assert not isinstance(caught.value, NotThere)


def test_the_drivers_errors_are_those_of_the_drivers_that_are_loaded():
    assert driver_errors() == (sqlite3.Error, psycopg.Error)
    code = "import seawall.ledger.connect as c, sqlite3, sys; sys.exit(c.driver_errors() != (sqlite3.Error,))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
