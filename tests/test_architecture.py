"""The structure of docs/architecture.md, read from the imports and calls in the source."""

from __future__ import annotations

import ast
import dataclasses
import functools
import re
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

LAYERS = ("bus", "server", "gui", "main")
"""Each may import itself and what stands before it."""

CONTRACT = ("bus.interface", "bus.private", "bus.record")
"""What the server may see of the bus: what it promises, and how both keep secrets."""

IMPORTERS = {
    "zmq": ("bus.zeromq",),
    "websockets": ("server.connection", "server.client"),
    "qasync": ("gui.loop",),
    "PySide6": ("gui",),
    "shiboken6": ("gui",),
    "psutil": ("server.cards", "server.doctor", "server.launched", "server.launcher"),
    "ssl": ("server.certificates", "server.childio", "server.encrypted", "server.tls"),
    "cryptography": ("bus", "server.certificates", "server.identity"),
    "jwt": ("server.identity", "server.resumption"),
    "prometheus_client": ("server.metrics",),
    "uvloop": ("main",),
    "sqlalchemy": ("server.store",),
    "alembic": ("server.store",),
    "platformdirs": ("server.config",),
}
"""The modules, or module name beginnings, that alone may import a library."""

PURE = tuple(
    f"{package}.{name}"
    for package, names in {
        "bus": (
            "interface",
            "record",
            "log",
            "membership",
            "dead",
            "fence",
            "shelf",
            "places",
            "waits",
            "working",
            "admission",
            "giving",
            "figures",
            "holdings",
            "links",
            "arrival",
            "repair",
            "replica",
            "effects",
            "packets",
            "calls",
            "casts",
            "rotation",
            "refusals",
            "greeting",
            "hello",
        ),
        "server": (
            "views",
            "wire",
            "chain",
            "ledger",
            "intent",
            "filing",
            "verification",
            "sheets",
            "session",
            "scopes",
            "roomsettings",
            "pace",
            "inbox",
            "presence",
            "absence",
            "takeover",
            "turnstile",
            "rooms",
            "store.rows",
            "store.interface",
            "rulings",
            "bans",
            "acts",
            "roles",
            "scopes",
            "terms",
            "store.address",
            "store.queue",
            "speech",
            "talk",
            "texts",
            "lines",
            "timeline",
            "audience",
            "feeds",
            "limits",
            "backlog",
            "link",
            "entrance",
            "unreadable",
            "refusals",
            "deadlines",
            "door",
            "drain",
            "outages",
            "interruptions",
            "sightings",
            "outbox",
            "closing",
            "copying",
            "counters",
            "events",
            "gaps",
            "links",
            "restarts",
            "roundtrips",
            "untold",
            "origins",
            "plaintext",
            "proxies",
            "query",
            "pattern",
            "flow",
            "trace",
            "rates",
            "decoding",
            "tap_feed",
            "web",
            "client.cursors",
            "client.events",
            "client.memory",
            "client.outbox",
            "client.retries",
            "demo.cast",
            "demo.lines",
            "demo.script",
        ),
    }.items()
    for name in names
)
"""Functions of (state, event, now): they import no world, and of us only each other."""

WORLD = ("asyncio", "time", "datetime", "random", "secrets", "uuid", "socket", "threading", "os", "logging")

THREADS = ("server.journal", "server.passwords")
"""Modules that may start one, which writes the log or works at a password, and knows nothing of a node."""

TASK_OWNERS = (
    "bus.engine",
    "bus.zeromq",
    "gui.tasks",
    "server.client",
    "server.demo.players",
    "server.demo.stage",
    "server.ending",
    "server.launcher",
    "server.serving",
    "server.tasks",
)
"""Modules that may start a task, because they also end it."""

LABELS = "gui.widgets.labels"
"""The factory of everything that shows text, so that none is taken for markup."""


@dataclasses.dataclass(frozen=True, slots=True)
class Module:
    """One source file of the product, read once for all tests."""

    name: str
    path: Path
    text: str
    doc: str
    imports: tuple[tuple[str, int], ...]
    """Every dotted name that is imported, wherever in the file, with its line."""
    calls: tuple[tuple[str, int], ...]
    """The last name of everything that is called, with its line."""
    tooltips: tuple[tuple[str, int], ...]
    """The source of every tooltip that is set, with its line."""

    @classmethod
    def read(cls, path: Path) -> Module:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text, filename=str(path))
        imports: list[tuple[str, int]] = []
        calls: list[tuple[str, int]] = []
        tooltips: list[tuple[str, int]] = []
        for node in ast.walk(tree):
            match node:
                case ast.Import():
                    imports += ((alias.name, node.lineno) for alias in node.names)
                case ast.ImportFrom():
                    imports += ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
                case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)):
                    calls.append((name, node.lineno))
                    if name == "setToolTip":
                        tooltips.append((ast.unparse(node.args[0]), node.lineno))
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        return cls(name, path, text, ast.get_docstring(tree) or "", tuple(imports), tuple(calls), tuple(tooltips))


@functools.cache
def product() -> tuple[Module, ...]:
    paths = [*ROOT.glob("main.py"), *(path for layer in LAYERS[:-1] for path in sorted((ROOT / layer).rglob("*.py")))]
    return tuple(map(Module.read, paths))


def is_within(name: str, roots: tuple[str, ...]) -> bool:
    """Whether `name` is one of `roots` or lies inside one; ``bus.zeromq_wire`` counts as a part of ``bus.zeromq``."""
    return any(name == root or name.startswith((f"{root}.", f"{root}_")) for root in roots)


def offences(breaks: Callable[[Module, str], bool], *, of: str = "imports") -> list[str]:
    """``path:line name`` of each import or call for which `breaks(module, name)` holds."""
    return [
        f"{module.path.relative_to(ROOT)}:{line} {name}"
        for module in product()
        for name, line in getattr(module, of)
        if breaks(module, name)
    ]


def test_imports_go_from_main_to_gui_to_server_to_bus() -> None:
    def breaks(module: Module, name: str) -> bool:
        theirs = name.partition(".")[0]
        ours = module.name.partition(".")[0]
        return theirs in LAYERS and LAYERS.index(theirs) > LAYERS.index(ours)

    assert offences(breaks) == []


def test_the_product_imports_no_tests() -> None:
    assert offences(lambda module, name: is_within(name, ("tests", "pytest", "hypothesis"))) == []


def test_the_server_sees_of_the_bus_its_interface_and_its_records() -> None:
    def breaks(module: Module, name: str) -> bool:
        return (
            is_within(module.name, ("server", "gui")) and is_within(name, ("bus",)) and not is_within(name, CONTRACT)
        )

    assert offences(breaks) == []


@pytest.mark.parametrize("library", IMPORTERS)
def test_a_library_has_one_importer(library: str) -> None:
    def breaks(module: Module, name: str) -> bool:
        return is_within(name, (library,)) and not is_within(module.name, IMPORTERS[library])

    assert offences(breaks) == []


@pytest.mark.parametrize("pure", PURE)
def test_a_pure_module_exists(pure: str) -> None:
    assert any(is_within(module.name, (pure,)) for module in product())


def test_pure_modules_import_no_world() -> None:
    assert offences(lambda module, name: is_within(module.name, PURE) and is_within(name, WORLD)) == []


def test_pure_modules_import_of_us_only_each_other() -> None:
    def breaks(module: Module, name: str) -> bool:
        return is_within(module.name, PURE) and is_within(name, LAYERS) and not is_within(name, PURE)

    assert offences(breaks) == []


def test_tasks_are_started_only_by_those_who_end_them() -> None:
    def breaks(module: Module, name: str) -> bool:
        return name in {"create_task", "ensure_future"} and not is_within(module.name, TASK_OWNERS)

    assert offences(breaks, of="calls") == []


def test_only_the_log_and_passwords_have_a_thread() -> None:
    starters = {"Thread", "ThreadPoolExecutor", "to_thread", "QThread", "run_in_executor"}
    assert offences(lambda module, name: name in starters and module.name not in THREADS, of="calls") == []


def test_the_console_never_runs_a_loop_inside_its_loop() -> None:
    def breaks(module: Module, name: str) -> bool:
        nested = (
            {"processEvents", "asyncClose"} if module.name == "gui.loop" else {"exec", "processEvents", "asyncClose"}
        )
        return module.name.startswith("gui") and name in nested

    assert offences(breaks, of="calls") == []


def test_the_focus_chain_is_not_walked() -> None:
    """PySide takes what these return for a child of what was asked, and ends it with that."""
    walks = {"nextInFocusChain", "previousInFocusChain"}
    assert offences(lambda module, name: name in walks, of="calls") == []


def test_text_is_shown_by_the_label_factory() -> None:
    def breaks(module: Module, name: str) -> bool:
        return module.name != LABELS and name in {"QLabel", "QMessageBox"}

    assert offences(breaks, of="calls") == []


def test_tooltips_are_literal() -> None:
    assert offences(lambda module, source: not source.startswith("literal("), of="tooltips") == []


def test_a_module_that_says_it_is_pure_is_held_to_it() -> None:
    claims = [module.name for module in product() if re.search(r"\bpure\b", module.doc)]
    assert [name for name in claims if not is_within(name, PURE)] == []


def test_sources_name_only_documents_that_exist() -> None:
    known = {path.name for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))}
    named = {
        (str(module.path.relative_to(ROOT)), document)
        for module in product()
        for document in re.findall(r"[\w-]+\.md\b", module.text)
    }
    assert sorted((path, document) for path, document in named if document not in known) == []


def test_every_module_says_what_lives_there() -> None:
    assert [module.name for module in product() if not module.doc] == []


def test_there_is_no_place_for_everything_that_has_no_place() -> None:
    junk = {"utils", "util", "helpers", "common", "misc", "types"}
    assert [module.name for module in product() if module.name.rpartition(".")[2] in junk] == []


def test_make_test_runs_every_folder_of_tests() -> None:
    [parts] = re.findall(
        r"^parts=\((.+?)^\)", (ROOT / ".ci" / "tests").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    folders = {path.parent.relative_to(ROOT).parts[1] for path in (ROOT / "tests").glob("*/**/test_*.py")}
    assert folders == set(re.findall(r"tests/(\w+)(?=[ \"])", parts))


def test_make_test_runs_whatever_is_to_run_alone() -> None:
    [places] = re.findall(r"^alone=\((.+)\)$", (ROOT / ".ci" / "tests").read_text(encoding="utf-8"), re.MULTILINE)
    marked = [
        path.relative_to(ROOT)
        for path in (ROOT / "tests").glob("**/test_*.py")
        if "@pytest.mark.alone" in path.read_text(encoding="utf-8").replace('"@pytest.mark.alone"', "")
    ]
    assert len(marked) > 1
    assert [path for path in marked if not any(path.is_relative_to(place) for place in places.split())] == []
