"""The program under test, from outside: a live run with its capture and key log, and the replay of that capture."""
import itertools
import json
import os
import pathlib
import resource
import subprocess

from leaks import outputs_of

PROGRAM = os.environ.get("RDPWHY_PROGRAM", "rdpwhy")
if os.sep in PROGRAM:  # it runs elsewhere than we do
    PROGRAM = os.path.abspath(PROGRAM)
TIMEOUT = 120
NUMBERS = itertools.count(1)


def done(folder, name, *arguments, environment=None, namespace=None):
    """The program has run: where all it puts out stays (a core would lie there too)."""
    outputs = outputs_of(folder)
    command = [PROGRAM, *map(str, arguments)]
    if namespace:
        command = ["ip", "netns", "exec", namespace, *command]
    with open(outputs / f"{name}.json", "w") as report, open(outputs / f"{name}.talk", "w") as talk:
        code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=report, stderr=talk, timeout=TIMEOUT, cwd=outputs,
                              env={**os.environ, **(environment or {})}).returncode
    return code, (outputs / f"{name}.json").read_text(), (outputs / f"{name}.talk").read_text()


class Run:
    """`rdpwhy --json` against one target. `report` is the object that it printed."""

    def __init__(self, folder, target, *arguments, anchors, namespace=None, environment=None):
        self.folder, self.anchors, self.name = folder, anchors, f"run-{next(NUMBERS)}"
        self.capture = outputs_of(folder) / f"{self.name}.pcapng"
        self.key_log = outputs_of(folder) / f"{self.name}.keys"
        self.key_log.touch()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.exit_code, said, self.talk = done(
            folder, self.name, "--json", "--write-capture", self.capture, "--keylog", self.key_log, "--ca", anchors, *arguments, target,
            environment=environment, namespace=namespace)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        lines = said.splitlines()
        if len(lines) != 1:
            raise AssertionError(f"{target} {arguments}: {len(lines)} lines, said {self.talk!r}, exit code {self.exit_code}")
        self.report = json.loads(lines[0])

    @property
    def first_cause(self):
        return self.report["diagnosis"]["causes"][0]["id"]

    @property
    def ending(self):
        """(phase, by, how) of the failure, or None."""
        failed = self.report.get("failed")
        return failed and (failed["phase"], failed["ending"]["by"], failed["ending"]["how"])

    @property
    def phases(self):
        """{phase: status}, in order."""
        return {phase["phase"]: phase["status"] for phase in self.report["phases"]}

    def said(self, words):
        """Messages of the record with those words."""
        return [e["what"] for e in self.report["evidence"] if words in e["what"]]

    def replays(self):
        """Every connection of the capture (secrets are in the file)."""
        return replays(self.folder, self.capture, self.anchors)


def replays(folder, capture, anchors):
    """Every connection of a capture, as `rdpwhy replay` sees it."""
    code, said, talk = done(folder, f"replay-{next(NUMBERS)}", "replay", "--json", "--ca", anchors, capture)
    if code not in (0, 1):
        raise AssertionError(f"replay of {capture}: exit code {code}: {talk}")
    return [json.loads(line) for line in said.splitlines()]


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
