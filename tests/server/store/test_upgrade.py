"""The tables of a store: made and brought up to date at the start, by one node of those that start at once."""

from __future__ import annotations

import asyncio
import logging

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from server.store.address import StoreAddress
from server.store.database import Database
from server.store.keeper import Keeper
from server.store.rows import StoreError
from server.store.schema import METADATA
from server.store.upgrade import FOLDER, NEWEST, is_current, take_steps
from tests.stored import NOW, Keepers, said, written


def test_the_newest_step_is_the_one_that_the_program_waits_for() -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    assert ScriptDirectory.from_config(config).get_heads() == [NEWEST]


def differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), METADATA))


def take_all_steps(connection: Connection) -> None:
    METADATA.drop_all(connection)
    connection.execute(text("DROP TABLE alembic_version"))
    take_steps(connection)


async def test_a_new_store_has_the_tables_that_the_program_uses_and_so_has_one_that_took_the_steps(
    address: StoreAddress,
) -> None:
    database = Database(address)
    await database.open()
    async with database._writing() as connection:
        assert await connection.run_sync(differences) == []
        await connection.run_sync(take_all_steps)
    async with database._writing() as connection:
        assert await connection.run_sync(differences) == []
        assert await connection.run_sync(is_current)
    await database.close()


async def test_nodes_that_start_at_once_make_the_tables_once(keep: Keepers, address: StoreAddress) -> None:
    await asyncio.gather(*(keep(address) for _ in range(4)))


async def test_what_is_there_outlives_another_start(keep: Keepers, address: StoreAddress) -> None:
    first = await keep(address)
    first.save(said())
    await written(first)
    await first.close()
    assert await (await keep(address)).history("lobby", 0, NOW + 1) == [said()]


async def test_tables_of_a_newer_version_are_left_alone(keep: Keepers, address: StoreAddress) -> None:
    await (await keep(address)).close()
    database = Database(address)
    await database.open()
    async with database._writing() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await database.close()
    with pytest.raises(StoreError, match="newer version"):
        await Keeper(address, history_days=1, wall_ms=lambda: NOW).open()


async def test_a_start_logs_nothing_of_it(
    keep: Keepers, address: StoreAddress, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        await keep(address)
    assert caplog.messages == []
