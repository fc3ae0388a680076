"""Starts the embedded Postgres and stops it when its last user is gone.

A script of its own, run without site packages, so that it starts fast and needs nothing of docbot:

    python -I -S watchdog.py USERS_FILE UID GID POSTGRES [ARGUMENT ...]

Its caller hands down the locked `postgres.server`, which postgres inherits in turn, and the log as
stdout and stderr. The call returns at once; the watchdog lives until postgres ends.
"""

import ctypes
import fcntl
import os
import signal
import sys
import threading
import time

# How to stop, and how many seconds to wait before the next way.
_STOPS = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 0.0))
_NOT_OURS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of linux/prctl.h
_LOG = 2  # stderr is the log; both of us append to it
_LOG_LIMIT = 4_000_000  # bytes
_LOG_KEPT = 1_000_000
_LOG_PAUSE = 60.0  # seconds between two looks at its size


def main() -> None:
    users_file, uid, gid, *command = sys.argv[1:]
    # Blocked across the fork, so that an early stop waits for postgres instead of being lost.
    signal.pthread_sigmask(signal.SIG_SETMASK, _NOT_OURS)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, it would hide how postgres ends
    users = os.open(users_file, os.O_RDWR)
    libc = ctypes.CDLL(None)
    if os.fork():
        os._exit(0)  # the caller has nobody to reap; init adopts the watchdog
    watchdog = os.getpid()
    # From the main thread: the death signal is sent at the end of the thread that forked.
    server = os.fork()
    if server == 0:
        _become_postgres(libc, watchdog, int(uid), int(gid), command)
    # A signal to us would stop the server under its users; only the lock decides.
    for number in _NOT_OURS:
        signal.signal(number, signal.SIG_IGN)
    reaping = threading.Lock()
    threading.Thread(target=_stop_when_unused, args=(users, server, reaping), daemon=True).start()
    threading.Thread(target=_keep_log_short, daemon=True).start()
    if sys.platform != "darwin":
        os.waitid(os.P_PID, server, os.WEXITED | os.WNOWAIT)
        reaping.acquire()
    os.waitpid(server, 0)
    os._exit(0)


def _become_postgres(
    libc: ctypes.CDLL, watchdog: int, uid: int, gid: int, command: list[str]
) -> None:
    try:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        if sys.platform == "linux":
            # After setuid, which clears it. Elsewhere a killed watchdog leaves the server running.
            libc.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGINT, 0, 0, 0)
            if os.getppid() != watchdog:
                os._exit(1)
        for number in _NOT_OURS:
            signal.signal(number, signal.SIG_DFL)  # the caller may have ignored them
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.execv(command[0], command)  # noqa: S606 - a list of our own, and no shell is wanted
    except OSError as error:
        os.write(_LOG, f"cannot run {command[0]}: {error}\n".encode())
    finally:
        os._exit(127)


def _stop_when_unused(users: int, server: int, reaping: threading.Lock) -> None:
    fcntl.flock(users, fcntl.LOCK_EX)
    for number, patience in _STOPS:
        with reaping:  # once reaped, its pid may be another's
            os.kill(server, number)
        time.sleep(patience)


def _keep_log_short() -> None:
    while True:
        size = os.fstat(_LOG).st_size
        if size > _LOG_LIMIT:
            kept = os.pread(_LOG, _LOG_KEPT, size - _LOG_KEPT)
            os.ftruncate(_LOG, 0)  # writers append, so they go on at the new end
            os.write(_LOG, kept)
        time.sleep(_LOG_PAUSE)


if __name__ == "__main__":
    main()
