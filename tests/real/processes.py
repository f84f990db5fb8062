"""Processes that we start, and whatever they start: ended together, and none of them left behind."""
import contextlib
import ctypes
import os
import pathlib
import signal
import subprocess
import time

PATIENCE = 2.0  # seconds between asking and force; a connected xrdp child does not listen at all
PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """What a server forked becomes our child when the server ends, so that it cannot hide from us."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")


def living():
    """{pid: (parent, session)} of all processes that have not ended."""
    found = {}
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
                if state not in "ZX":
                    found[int(folder.name)] = (int(parent), int(session))
    return found


def below(pid):
    """The processes that `pid` started, directly or not: by descent."""
    processes, found = living(), set()
    while (more := {p for p, (parent, _) in processes.items() if parent in found | {pid}} - found):
        found |= more
    return found


def family(pid):
    """`pid`, what descends from it and what is in its session: a forked child leaves one, seldom both."""
    sessions = {p for p, (_, session) in living().items() if session == pid}
    return below(pid) | sessions | ({pid} & living().keys())


def named(pids):
    names = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
            names[pid] = command.decode(errors="replace").strip()
    return names


def start(command, **how):
    """In a session of its own, so that its group is its own too."""
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **how)


def reap(pids, but):
    """Adopted orphans have nobody else to wait for them; `but` is a Popen's, which waits itself."""
    for pid in pids - {but}:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def end(process):
    """Ends a process that `start` started, and its whole family: asked first, then by force."""
    end_all(family(process.pid), process)


def end_all(pids, process=None):
    own = process.pid if process else None
    known = set(pids)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in known & living().keys():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + PATIENCE
        while True:
            if process:
                process.poll()
                known |= family(own)  # forked meanwhile
            reap(known, own)
            left = known & living().keys()
            if not left:
                return
            if time.monotonic() > deadline:
                break
            time.sleep(0.01)
    raise RuntimeError(f"cannot be ended: {named(left)}")


def left_over():
    """{pid: command} of what we started and did not end."""
    return named(below(os.getpid()))
