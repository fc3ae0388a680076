"""How long a call takes of a processor, for tests that hold one beside another in the same run."""

from collections.abc import Callable
from time import process_time


def processor_seconds(call: Callable[[], object], times: int = 5) -> float:
    """The least of several calls: the machine does other things besides."""

    def once() -> float:
        began = process_time()
        call()
        return process_time() - began

    return min(once() for _ in range(times))
