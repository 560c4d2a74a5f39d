"""Where a store is: what may be written, and that no text made from it holds a password."""

from __future__ import annotations

from pathlib import PurePath

import pytest

from server.config import Config
from server.store.address import StoreAddress

PASSWORD = "s3cr3t-word"


@pytest.mark.parametrize(
    ("text", "kind", "url", "shown"),
    [
        ("sqlite:///a.db", "sqlite", "a.db", "a.db"),
        ("sqlite:////srv/a b.db", "sqlite", "/srv/a b.db", "/srv/a b.db"),
        ("sqlite+aiosqlite:///a.db", "sqlite", "a.db", "a.db"),
        ("mariadb://u@h/n", "mysql", "mariadb+asyncmy://u@h/n", "mariadb://u@h/n"),
        ("mysql://u:s3cr3t-word@h:1/n", "mysql", "mysql+asyncmy://u:s3cr3t-word@h:1/n", "mysql://u@h:1/n"),
        (
            "postgres://u:s3cr3t-word@[::1]:5/n?ssl=require",
            "postgresql",
            "postgresql+asyncpg://u:s3cr3t-word@[::1]:5/n?ssl=require",
            "postgres://u@[::1]:5/n",
        ),
        (
            "postgresql+asyncpg:///n?host=/run/pg&password=s3cr3t-word",
            "postgresql",
            "postgresql+asyncpg:///n?host=/run/pg&password=s3cr3t-word",
            "postgresql:///n",
        ),
    ],
)
def test_each_kind_is_read_and_shown_without_its_password(text: str, kind: str, url: str, shown: str) -> None:
    address = StoreAddress.read(text)
    assert (address.kind, address.url, str(address)) == (kind, url, shown)
    assert PASSWORD not in repr(address)
    assert address.has_password == (PASSWORD in text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("s3cr3t-word", "is not a URL"),
        ("oracle://u:s3cr3t-word@h/n", "oracle is not a kind"),
        ("postgresql+psycopg://u:s3cr3t-word@h/n", "the driver is asyncpg"),
        ("mysql://u:s3cr3t-word@h", "needs the name of a database"),
        ("mysql://u:s3cr3t-word@h/", "needs the name of a database"),
        ("sqlite://", "needs a file"),
        ("sqlite:///", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("sqlite:///a.db?mode=ro", "needs a file"),
    ],
)
def test_what_is_wrong_is_said_without_repeating_it(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as raised:
        StoreAddress.read(text)
    assert PASSWORD not in str(raised.value)


def test_a_file_is_meant_from_the_folder_of_who_wrote_it() -> None:
    folder = PurePath("/etc/switchboard")
    assert StoreAddress.read("sqlite:///a.db").below(folder).url == "/etc/switchboard/a.db"
    assert StoreAddress.read("sqlite:////srv/a.db").below(folder).url == "/srv/a.db"
    elsewhere = StoreAddress.read("mysql://u@h/n")
    assert elsewhere.below(folder) == elsewhere


def test_a_config_shows_no_password(tmp_path: PurePath) -> None:
    config = Config(name="n", data_dir=tmp_path, store=StoreAddress.read("mysql://u:s3cr3t-word@h/n"))  # type: ignore[arg-type]
    assert PASSWORD not in repr(config)
    assert "mysql://u@h/n" in repr(config)
