"""One option, wherever it stands: on the command line, in the environment or in a file, and how it is read there."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import math
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from server.config import ConfigError
from server.store.address import StoreAddress
from server.wire import names

ENVIRONMENT = "SWITCHBOARD_"


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """One option, wherever it stands."""

    flag: str
    """As on the command line, without the dashes; the key in a file."""
    field: str
    """Attribute of what the command takes: Config or one of the requests beside it."""
    meaning: str
    default: str
    """As `--help` shows it; empty for none."""
    metavar: str
    check: Callable[[Any], object]
    """Turns a value of `kind` into the field's; raises ValueError or names.FieldError with a sentence."""
    kind: type[str] | type[int] | type[float] = str
    repeatable: bool = False

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return ENVIRONMENT + self.flag.upper().replace("-", "_")


class Parser(argparse.ArgumentParser):
    """argparse that raises instead of printing its usage, and does not guess."""

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """What was given. Raises ConfigError."""
        given, unknown = self.parse_known_args(arguments)
        if unknown:
            word = unknown[0].partition("=")[0]
            flags = [flag for action in self._actions for flag in action.option_strings]
            raise ConfigError(f"{shown(word)} is not an option here{meant(word, flags)}")
        return given

    def error(self, message: str) -> NoReturn:
        raise ConfigError(message.removeprefix("argument "))


def gather(
    options: Sequence[Option],
    known: Sequence[Option],
    given: argparse.Namespace,
    environment: Mapping[str, str],
    sources: dict[str, str] | None = None,
) -> dict[str, Any]:
    """The values of `options` that anybody gave, by field; who gave each goes into `sources`.

    In the environment and in a file all that are `known` may stand. Raises ConfigError.
    """
    sources = {} if sources is None else sources
    variables = {option.variable for option in known} | {f"{ENVIRONMENT}CONFIG"}
    for variable in sorted(environment):
        if variable.startswith(ENVIRONMENT) and variable not in variables:
            raise ConfigError(f"{shown(variable)} in the environment is not an option{meant(variable, variables)}")
    config = given.config or environment.get(f"{ENVIRONMENT}CONFIG")
    values = _read_file(Path(config).expanduser(), options, known) if config else {}
    sources.update(dict.fromkeys(values, str(config)))
    for option in options:
        if text := environment.get(option.variable):
            texts = [part.strip() for part in text.split(",") if part.strip()] if option.repeatable else text
            values[option.field] = read(option, texts, option.variable)
            sources[option.field] = "environment"
        if (texts := getattr(given, option.field)) is not None:
            values[option.field] = read(option, texts, f"--{option.flag}")
            sources[option.field] = "option"
    return values


def read(option: Option, text: str | list[str], where: str) -> object:
    """The value of `option` from what stands on the command line or in the environment."""
    if isinstance(text, list):
        return tuple(read(option, part, where) for part in text)
    value: str | int | float = text
    try:
        if option.kind is int:
            if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) < 20):
                raise ValueError(f"{text!r} is not a whole number")
            value = int(text)
        elif option.kind is float:
            try:
                value = float(text)
            except ValueError:
                value = math.nan
            if not math.isfinite(value):
                raise ValueError(f"{text!r} is not a number")
        return option.check(value)
    except (ValueError, names.FieldError) as error:
        raise ConfigError(f"{where}: {error}") from None


def _read_file(path: Path, options: Sequence[Option], known: Sequence[Option]) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            found = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"--config: {path} cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"--config: {path} is not TOML: {error}") from None
    flags = {option.flag: option for option in known}
    values: dict[str, Any] = {}
    for key, value in found.items():
        if key not in flags:
            raise ConfigError(f"{path}: {shown(key)} is not an option{meant(key, flags)}")
        if flags[key] in options:
            values[flags[key].field] = _read_entry(flags[key], value, path)
    return values


def _read_entry(option: Option, value: object, path: Path) -> object:
    """The value of `option` from a file, where types count and paths begin at the file's folder."""
    if option.repeatable and isinstance(value, list):
        return tuple(_read_entry(dataclasses.replace(option, repeatable=False), part, path) for part in value)
    fits = isinstance(value, (int, float) if option.kind is float else option.kind) and not isinstance(value, bool)
    if not fits or (isinstance(value, float) and not math.isfinite(value)):
        wanted = {str: "a text", int: "a whole number", float: "a number"}[option.kind]
        raise ConfigError(f"{path}: {option.flag} must be {wanted}{' or a list of texts' * option.repeatable}")
    try:
        checked = option.check(value)
    except (ValueError, names.FieldError) as error:
        raise ConfigError(f"{path}: {option.flag}: {error}") from None
    if isinstance(checked, Path):
        return path.parent / checked
    if isinstance(checked, StoreAddress):
        return checked.below(path.parent)
    return (checked,) if option.repeatable else checked


def shown(word: str) -> str:
    """A word as it was given, on one line."""
    return word if word.isascii() and word.isprintable() and " " not in word else repr(word)


def meant(word: str, known: Iterable[str]) -> str:
    """Which of those that are known may have been meant, as the end of a sentence."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.75)
    return f"; is {close[0]} meant?" if close else ""
