"""Ctrl-C, kill and a closed terminal end a training between two steps, with a checkpoint."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from genbook.readers import SIGNALS


class Stop:
    """The signals that came, and whether the next one ends what is being done, by KeyboardInterrupt."""

    def __init__(self):
        self.caught: list[int] = []
        self.at_once = True  # as long as there is nothing to save
        self.ended = False

    @property
    def code(self) -> int:
        """The exit status, as shells expect it: 128 + the signal's number; 0 without one."""
        return 128 + self.caught[0] if self.caught else 0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Here nothing is half done: a signal ends it at once."""
        self.at_once = True
        try:
            yield
        finally:
            self.at_once = False

    def catch(self, number: int, _) -> None:
        self.caught.append(number)
        if self.at_once and not self.ended:
            self.ended = True
            raise KeyboardInterrupt

    def came(self, seconds: float = 1.0) -> bool:
        """Whether one came, or comes within that time: who ends a group of processes does not end all at once."""
        end = time.monotonic() + seconds
        while not self.caught and time.monotonic() < end:
            time.sleep(0.02)
        return bool(self.caught)


class Feed:
    """The images of each step. Where their readers fail, or a signal ends the waiting for them, `trouble` or None.

    A process alone then stops before the step. One of several reads by itself until all have agreed to stop.
    """

    def __init__(self, batches: Iterator, without_readers: Callable, stop: Stop, *, alone: bool):
        self.batches, self.without_readers = batches, without_readers
        self.stop, self.alone, self.trouble = stop, alone, None
        stop.at_once = False

    def __call__(self):
        """The next images; None: stop here."""
        if self.alone and self.stop.caught:
            return None
        try:
            with self.stop.waiting() if self.alone else nullcontext():
                return next(self.batches)
        except KeyboardInterrupt:
            return None
        except (OSError, ValueError, RuntimeError, MemoryError) as error:
            if not (isinstance(error, ChildProcessError) and self.stop.came()):  # then it is no trouble of its own
                self.trouble = str(error) or type(error).__name__
        if self.alone:
            return None
        self.batches = self.without_readers()
        return next(self.batches)

    def close(self) -> None:
        self.batches.close()


@contextmanager
def quiet_signals(*, for_good: bool) -> Iterator[Stop]:
    """Signals only enter their number: a training ends at a step. In a single process a third one acts as usual.

    for_good: the process is to end next, with its own status, whatever else comes.
    """
    stop, usual = Stop(), {}

    def catch(number, frame) -> None:
        # A launcher sends each signal on, so that its processes get it twice.
        if "WORLD_SIZE" not in os.environ and len(stop.caught) == 1:
            _restore(usual)
        stop.catch(number, frame)

    if threading.current_thread() is threading.main_thread():  # only that one may
        for number in SIGNALS:
            if number not in (signal.SIGINT, signal.SIGTERM) and signal.getsignal(number) == signal.SIG_IGN:
                continue  # under nohup a closed terminal is none of its business
            usual[number] = signal.signal(number, catch)
    try:
        yield stop
    finally:
        _restore(dict.fromkeys(usual, signal.SIG_IGN) if for_good else usual)


def _restore(usual: dict) -> None:
    for number, handler in usual.items():
        signal.signal(number, handler)
