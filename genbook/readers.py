"""Processes that read ahead: plain bytes through pipes, which need no shared memory. They end with this process."""

import atexit
import multiprocessing
import queue
import signal
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import numpy as np

AHEAD = 4  # tasks for each process that are read, or begun, before they are asked for
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def read_ahead(
    read: Callable, tasks: Iterable, *, workers: int, finish: Callable = lambda *answer: answer
) -> Iterator[tuple]:
    """finish(*read(task)) of each task, in their order; `workers` processes read, threads of this process finish.

    read: can be pickled, and gives (an array of bytes, anything that can be pickled). Close the generator (see
    contextlib.closing), and the processes are gone. Raises what `read` raises, and ChildProcessError where a process
    died.
    """
    if not workers:
        for task in tasks:
            yield finish(*read(task))
        return
    threads, idle = ThreadPoolExecutor(workers), queue.SimpleQueue()

    def ask(task) -> tuple:
        reader = process, connection = idle.get()
        try:
            connection.send(task)
            shape, more = connection.recv()
            if shape is not None:
                connection.recv_bytes_into(content := np.empty(shape, np.uint8).reshape(-1))
        except (EOFError, OSError):
            raise ChildProcessError(_how_it_died(process)) from None
        finally:
            idle.put(reader)  # a dead one too: who asks it next fails at once
        if shape is None:
            raise more
        return finish(content.reshape(shape), more)

    waiting: deque = deque()
    try:
        with _started(read, workers) as readers:
            for reader in readers:
                idle.put(reader)
            for task in tasks:
                waiting.append(threads.submit(ask, task))
                if len(waiting) == AHEAD * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
    finally:  # the processes are gone: no thread waits for one
        threads.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _started(read: Callable, workers: int) -> Iterator[list[tuple]]:
    """(process, connection) of each; at the end, or that of this process, they are killed: they hold nothing."""
    context = multiprocessing.get_context()
    readers: list[tuple] = []

    def end() -> None:
        for process, _ in readers:
            process.kill()
        for process, connection in readers:
            process.join(5)
            connection.close()

    atexit.register(end)  # before multiprocessing's own, which would wait for them
    try:
        with _held_signals():  # also in the processes, until they are ready
            for _ in range(workers):
                here, there = context.Pipe()
                inherited = [here, *(c for _, c in readers)] if context.get_start_method() == "fork" else []
                process = context.Process(target=_serve, args=(there, read, inherited), daemon=True)
                try:
                    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # fork beside threads
                        process.start()
                except OSError as error:
                    raise OSError(f"no process to read pictures could be started ({error}): try --workers 0") from error
                there.close()
                readers.append((process, here))
        yield readers
    finally:
        with _held_signals():
            end()
        atexit.unregister(end)


def _serve(connection, read: Callable, inherited: list) -> None:
    """A reader's life: task after task, until the other end of the pipe, a copy of which it inherited, is gone."""
    for other in inherited:
        other.close()
    for number in SIGNALS:  # Ctrl-C is the main process's to answer
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    with suppress(EOFError, OSError):
        while True:
            task = connection.recv()
            try:
                content, more = read(task)
            except Exception as error:
                plain = error if type(error) in (ValueError, MemoryError) else RuntimeError(repr(error))
                connection.send((None, plain))
                continue
            connection.send((content.shape, more))
            connection.send_bytes(np.ascontiguousarray(content).reshape(-1))


@contextmanager
def _held_signals() -> Iterator[None]:
    """Signals wait until the end."""
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _how_it_died(process) -> str:
    process.join(5)
    code = process.exitcode
    how = f"ended with status {code}"
    if code is not None and code < 0:
        with suppress(ValueError):  # a number without a name
            how = f"was killed by {signal.Signals(-code).name}"
    why = ", most likely for want of memory" if code == -getattr(signal, "SIGKILL", 9) else ""
    return f"a process that reads pictures {how}{why}: take fewer of them, or none (--workers 0)"
