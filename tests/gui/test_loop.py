"""The console's loop: asyncio behaves as elsewhere, Qt gets its turn, and what both rely on is still there."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import qasync
from PySide6.QtCore import QEventLoop, QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication

from gui import loop as console_loop
from gui.loop import ConsoleLoop, new_console_loop


@pytest.fixture
def runner(qapp: QApplication) -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=lambda: new_console_loop(qapp)) as runner:
        yield runner


class Emitter(QObject):
    """Something that calls slots outside of a pass, when Qt handles its queue."""

    fired = Signal()


# What is overridden and relied upon is still there.


def test_nothing_of_qasync_stands_between_the_loop_and_asyncio() -> None:
    own = {"__init__", "call_soon", "call_at", "stop", "_run_once", "_turn", "_wake", "_fail"}
    for name in dir(asyncio.SelectorEventLoop):
        if not name.startswith("__") and name not in own:
            assert getattr(ConsoleLoop, name) is getattr(asyncio.SelectorEventLoop, name) or name == "_abc_impl", name


def test_qasync_replaces_what_it_did_when_this_loop_was_written() -> None:
    base = qasync.QSelectorEventLoop
    assert issubclass(ConsoleLoop, base)
    replaced = {
        name
        for name in dir(asyncio.SelectorEventLoop)
        if not name.startswith("__") and getattr(base, name) is not getattr(asyncio.SelectorEventLoop, name)
    }
    assert replaced == {
        *("run_forever", "run_until_complete", "stop", "is_running", "close", "time"),
        *("call_soon", "call_later", "call_at", "call_soon_threadsafe", "run_in_executor", "set_default_executor"),
        *("_add_callback", "_add_reader", "_remove_reader", "_add_writer", "_remove_writer"),
        *("set_exception_handler", "default_exception_handler", "call_exception_handler", "get_debug", "set_debug"),
    }


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (asyncio.SelectorEventLoop.__init__, ["self", "selector"]),
        (asyncio.SelectorEventLoop.call_soon, ["self", "callback", "args", "context"]),
        (asyncio.SelectorEventLoop.call_at, ["self", "when", "callback", "args", "context"]),
        (asyncio.SelectorEventLoop.stop, ["self"]),
        (asyncio.SelectorEventLoop._run_once, ["self"]),  # type: ignore[attr-defined]  # the point of this test
        (asyncio.SelectorEventLoop._write_to_self, ["self"]),  # type: ignore[attr-defined]  # likewise
        (qasync.QEventLoop.__init__, ["self", "app", "set_running_loop", "already_running"]),
    ],
)
def test_signatures_are_those_that_the_loop_relies_on(function: Callable[..., Any], parameters: list[str]) -> None:
    assert list(inspect.signature(function).parameters) == parameters


@pytest.mark.parametrize(
    ("function", "phrases"),
    [
        (asyncio.SelectorEventLoop.run_forever, ["while True:\n", "self._run_once()\n", "if self._stopping:\n"]),
        (asyncio.SelectorEventLoop.run_until_complete, ["self.run_forever()"]),
        (
            asyncio.SelectorEventLoop._run_once,  # type: ignore[attr-defined]  # the point of this test
            ["self._selector.select(timeout)", "self._ready.popleft()", "self._scheduled[0]"],
        ),
        (asyncio.SelectorEventLoop.call_soon_threadsafe, ["self._call_soon(", "self._write_to_self()"]),
        (asyncio.SelectorEventLoop.call_later, ["self.call_at("]),
        (asyncio.SelectorEventLoop.add_signal_handler, ["signal.set_wakeup_fd(self._csock.fileno())"]),
    ],
)
def test_asyncio_does_what_the_loop_relies_on(function: Callable[..., Any], phrases: list[str]) -> None:
    source = inspect.getsource(function)
    for phrase in phrases:
        assert phrase in source


def test_private_attributes_are_there(runner: asyncio.Runner) -> None:
    loop = runner.get_loop()
    for name in ("_csock", "_ready", "_scheduled", "_signal_handlers", "_stopping"):
        assert hasattr(loop, name), name


# asyncio as everybody knows it.


def test_the_loop_is_the_running_one_within_callbacks_tasks_and_slots(runner: asyncio.Runner) -> None:
    seen = []

    async def main() -> None:
        loop, emitter, slot_ran = asyncio.get_running_loop(), Emitter(), asyncio.Event()

        def slot() -> None:
            seen.append(asyncio.get_running_loop())
            slot_ran.set()

        emitter.fired.connect(slot)
        QTimer.singleShot(0, emitter.fired.emit)
        loop.call_soon(lambda: seen.append(asyncio.get_running_loop()))
        await slot_ran.wait()
        seen.append(loop)

    runner.run(main())
    assert seen == [runner.get_loop()] * 3
    assert isinstance(runner.get_loop(), ConsoleLoop)


def test_a_result_and_an_exception_come_out_of_run(runner: asyncio.Runner) -> None:
    async def answer() -> int:
        await asyncio.sleep(0)
        return 42

    async def fail() -> None:
        await asyncio.sleep(0)
        raise LookupError("as raised")

    assert runner.run(answer()) == 42
    with pytest.raises(LookupError, match="as raised"):
        runner.run(fail())
    assert runner.run(answer()) == 42


def test_an_exception_in_a_callback_goes_to_the_handler(runner: asyncio.Runner) -> None:
    async def main() -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        told: asyncio.Future[dict[str, Any]] = loop.create_future()
        loop.set_exception_handler(lambda _, context: told.set_result(context))
        loop.call_soon(lambda: 1 // 0)
        return await told

    assert isinstance(runner.run(main())["exception"], ZeroDivisionError)


def test_system_exit_in_a_callback_ends_the_run(runner: asyncio.Runner) -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(sys.exit, 7)
        await asyncio.Event().wait()

    with pytest.raises(SystemExit) as raised:
        runner.run(main())
    assert raised.value.code == 7


def test_timers_come_in_order_of_their_deadlines(runner: asyncio.Runner) -> None:
    async def main() -> list[str]:
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        order: list[str] = []
        loop.call_later(0.06, done.set)
        loop.call_later(0.04, order.append, "third")
        loop.call_later(0.02, order.append, "second")
        loop.call_at(loop.time(), order.append, "first")
        loop.call_later(0.03, order.append, "cancelled").cancel()
        await done.wait()
        return order

    assert runner.run(main()) == ["first", "second", "third"]


def test_a_timer_never_comes_early(runner: asyncio.Runner) -> None:
    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        early = []
        for microseconds in (100, 900, 1100, 2500, 10_300):
            due = loop.time() + microseconds / 1e6
            reached: asyncio.Future[None] = loop.create_future()
            loop.call_at(due, reached.set_result, None)
            await reached
            early.append(due - loop.time())
        return early

    resolution = 1e-6
    assert max(runner.run(main())) <= resolution


def test_sockets_are_served(runner: asyncio.Runner) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def main() -> bytes:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"x" * 3_000_000)
            writer.write_eof()
            received = await reader.read()
            writer.close()
            await writer.wait_closed()
        return received

    assert runner.run(main()) == b"x" * 3_000_000


def test_a_child_process_is_awaited(runner: asyncio.Runner) -> None:
    async def main() -> tuple[bytes, int | None]:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "print('hello')", stdout=asyncio.subprocess.PIPE
        )
        output, _ = await child.communicate()
        return output, child.returncode

    assert runner.run(main()) == (b"hello\n", 0)


def test_async_generators_are_closed_at_the_end(qapp: QApplication) -> None:
    closed = []

    async def numbers() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    generator = numbers()

    async def main() -> None:
        await anext(generator)

    with asyncio.Runner(loop_factory=lambda: new_console_loop(qapp)) as runner:
        runner.run(main())
        assert not closed
    assert closed


def test_a_closed_loop_takes_nothing_more(qapp: QApplication) -> None:
    loop = new_console_loop(qapp)
    loop.close()
    loop.close()
    loop.stop()
    assert loop.is_closed()
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_soon(print)


def test_stop_leaves_what_was_not_yet_due_to_the_next_run(qapp: QApplication) -> None:
    loop, order = new_console_loop(qapp), []

    def first() -> None:
        order.append("first")
        loop.stop()
        loop.call_soon(order.append, "second")

    loop.call_soon(first)
    loop.run_forever()
    assert order == ["first"]
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert order == ["first", "second"]
    loop.close()


# Waking.


def outside_a_pass(loop: asyncio.AbstractEventLoop, slot: Callable[[], object]) -> None:
    """Have Qt call `slot` some time when no pass is being made and nothing is due."""
    QTimer.singleShot(30, slot)


@pytest.mark.parametrize(
    "wake",
    [
        pytest.param(lambda loop, event: loop.call_soon(event.set), id="call_soon"),
        pytest.param(lambda loop, event: loop.call_later(0.01, event.set), id="call_later"),
        pytest.param(lambda loop, event: loop.call_soon_threadsafe(event.set), id="call_soon_threadsafe"),
        pytest.param(lambda loop, event: event.set(), id="a future that a task awaits"),
    ],
)
def test_a_slot_wakes_the_loop(
    runner: asyncio.Runner, wake: Callable[[asyncio.AbstractEventLoop, asyncio.Event], object]
) -> None:
    async def main() -> None:
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        outside_a_pass(loop, lambda: wake(loop, event))
        await event.wait()

    runner.run(main())


def test_a_slot_can_start_a_task(runner: asyncio.Runner) -> None:
    async def main() -> str:
        loop = asyncio.get_running_loop()
        result: asyncio.Future[str] = loop.create_future()
        tasks = []

        async def work() -> None:
            await asyncio.sleep(0.001)
            result.set_result("done")

        outside_a_pass(loop, lambda: tasks.append(loop.create_task(work())))
        return await result

    assert runner.run(main()) == "done"


def test_a_slot_can_stop_the_loop(qapp: QApplication) -> None:
    loop = new_console_loop(qapp)
    outside_a_pass(loop, loop.stop)
    loop.run_forever()
    loop.close()


def test_another_thread_wakes_the_loop(runner: asyncio.Runner) -> None:
    async def main() -> int:
        loop = asyncio.get_running_loop()
        told: asyncio.Future[int] = loop.create_future()
        thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(told.set_result, threading.get_ident()))
        thread.start()
        ident = await told
        thread.join()
        return ident

    assert runner.run(main()) != threading.get_ident()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_handler_is_called(runner: asyncio.Runner, signum: signal.Signals) -> None:
    async def main() -> None:
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signum, event.set)
        outside_a_pass(loop, lambda: os.kill(os.getpid(), signum))
        await event.wait()
        assert loop.remove_signal_handler(signum)

    runner.run(main())


def test_an_interrupt_while_qt_waits_cancels_the_main_task(runner: asyncio.Runner) -> None:
    ended = []

    async def main() -> None:
        other = threading.Timer(0.03, os.kill, (os.getpid(), signal.SIGINT))
        other.start()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)
            other.join()

    with pytest.raises(KeyboardInterrupt):
        runner.run(main())
    assert ended


def test_an_interrupt_without_a_runner_comes_out_of_run_forever(qapp: QApplication) -> None:
    loop = new_console_loop(qapp)
    outside_a_pass(loop, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    loop.close()


# Nobody starves.


def test_ready_callbacks_do_not_starve_qt(runner: asyncio.Runner) -> None:
    async def main() -> None:
        ticks: list[None] = []
        timer = QTimer(interval=0)
        timer.timeout.connect(lambda: ticks.append(None))
        timer.start()
        while len(ticks) < 20:  # noqa: ASYNC110  # to be always ready is the point
            await asyncio.sleep(0)
        timer.stop()

    runner.run(main())


def test_qt_does_not_starve_ready_callbacks(runner: asyncio.Runner) -> None:
    async def main() -> None:
        busy, late = QTimer(interval=0), QTimer(interval=1)
        busy.timeout.connect(lambda: None)
        late.timeout.connect(lambda: threading.Event().wait(0.003))  # always due again when it ends
        busy.start()
        late.start()
        for _ in range(50):
            await asyncio.sleep(0)
        await asyncio.sleep(0.005)  # a deadline, too
        busy.stop()
        late.stop()

    runner.run(main())


def test_a_qt_loop_within_a_callback_makes_no_pass_and_does_no_harm(
    runner: asyncio.Runner, qapp: QApplication
) -> None:
    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        order: list[str] = []
        loop.call_soon(order.append, "later")
        nested = QEventLoop()
        QTimer.singleShot(20, nested.quit)
        loop.call_soon_threadsafe(order.append, "from the pipe")
        nested.exec()
        order.append("nested loop ended")
        await asyncio.sleep(0)
        return order

    assert runner.run(main()) == ["nested loop ended", "later", "from the pipe"]


def test_everything_runs_in_one_thread(runner: asyncio.Runner) -> None:
    threads = set()

    class Noting(asyncio.Protocol):
        def __init__(self, done: asyncio.Event) -> None:
            self.done = done

        def data_received(self, data: bytes) -> None:
            threads.add(threading.get_ident())
            self.done.set()

    async def main() -> None:
        before = set(threading.enumerate())
        loop, received, ticked = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

        def tick() -> None:
            threads.add(threading.get_ident())
            ticked.set()

        server = await loop.create_server(lambda: Noting(received), "127.0.0.1", 0)
        async with server:
            QTimer.singleShot(0, tick)
            _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello")
            await received.wait()
            await ticked.wait()
            writer.close()
            await writer.wait_closed()
        assert set(threading.enumerate()) <= before

    runner.run(main())
    assert threads == {threading.get_ident()}


# Where the loop cannot be had.


def test_stock_qasync_serves_where_selectors_have_no_descriptor(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Blind:
        """As on Windows."""

    monkeypatch.setattr(console_loop, "PolledSelector", Blind)
    loop = new_console_loop(qapp)
    assert isinstance(loop, qasync.QEventLoop)
    assert not isinstance(loop, ConsoleLoop)
    loop.close()
