"""The program under test, from outside: a live run with its capture and key log, and the replay of that capture."""
import json
import os
import pathlib
import resource
import subprocess

PROGRAM = os.environ.get("RDPWHY_PROGRAM", "rdpwhy")
TIMEOUT = 120


class Run:
    """`rdpwhy --json` against one target. `report` is the object that it printed."""

    def __init__(self, folder, target, *arguments, anchors, namespace=None):
        self.anchors = anchors
        number = len(list(pathlib.Path(folder).glob("run-*.pcapng")))
        self.capture = pathlib.Path(folder) / f"run-{number}.pcapng"
        self.key_log = pathlib.Path(folder) / f"run-{number}.keys"
        self.key_log.touch()
        command = [PROGRAM, "--json", "--write-capture", str(self.capture), "--keylog", str(self.key_log),
                   "--ca", str(anchors), *arguments, target]
        if namespace:
            command = ["ip", "netns", "exec", namespace, *command]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.exit_code, self.talk = done.returncode, done.stderr
        lines = done.stdout.splitlines()
        if len(lines) != 1:
            raise AssertionError(f"{command} printed {len(lines)} lines, said {done.stderr!r}, exit code {done.returncode}")
        self.report = json.loads(lines[0])

    @property
    def first_cause(self):
        return self.report["diagnosis"]["causes"][0]["id"]

    @property
    def ending(self):
        """(phase, by, how) of the failure, or None."""
        failed = self.report.get("failed")
        return failed and (failed["phase"], failed["ending"]["by"], failed["ending"]["how"])

    def replays(self):
        """Every connection of the capture (secrets are in the file)."""
        return replays(self.capture, self.anchors)


def replays(capture, anchors):
    """Every connection of a capture, as `rdpwhy replay` sees it."""
    done = subprocess.run([PROGRAM, "replay", "--json", "--ca", str(anchors), str(capture)],
                          capture_output=True, text=True, timeout=TIMEOUT)
    if done.returncode not in (0, 1):
        raise AssertionError(f"replay of {capture}: exit code {done.returncode}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def timeless(report):
    """What live and replay must agree on: everything but times, where it comes from, and what only a live run has."""
    def without_times(value):
        if isinstance(value, dict):
            return {k: without_times(v) for k, v in value.items() if k not in ("ms", "at_ms", "after_ms", "id")}
        return [without_times(v) for v in value] if isinstance(value, list) else value

    facts = {k: report.get(k) for k in ("reached", "x224", "tls")}
    facts["failed"] = {k: v for k, v in (report.get("failed") or {}).items() if k in ("phase", "after", "ending")}
    facts["evidence"] = [e for e in report.get("evidence", []) if not e.get("live_only")]
    if facts["tls"]:  # judged against the target's name live; a capture has none
        problems = facts["tls"].get("certificate_problems")
        if problems is not None:
            facts["tls"] = {**facts["tls"], "certificate_problems": [p for p in problems if p != "name_mismatch"]}
    return without_times(facts)
