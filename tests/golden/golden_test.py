#!/usr/bin/python3
"""Every capture of captures/ replays to what stands beside it, and tshark reads the same in it.

golden_test.py PROGRAM [--update] [NAME…]: with --update the expected results are written anew, to be reviewed.
"""
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/real"))

import kdc  # noqa: E402
import leaks  # noqa: E402
import observers  # noqa: E402

CAPTURES = sorted((ROOT / "captures").glob("*.pcapng"))
VERSIONS = {"TLSv1.0": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
PROTOCOLS = {"RDP": 0, "SSL": 1, "HYBRID": 2, "RDSTLS": 4, "HYBRID_EX": 8, "RDSAAD": 16}
# A connection whose first octets are not RDP, or whose PDUs lie: tshark's reading is then a guess.
HOSTILE = re.compile(r"lab-(speaks|answers|garbage|endless|truncated|lying|slow|one-octet|proxy|.*(?:malformed|bad-length|half))")
PROGRAM = None
SHARED = pathlib.Path(os.environ.get("RDPWHY_SHARED") or ROOT.parent / "shared")
# What the collectors of these captures computed, with JA4's own program and others (JA3, JA3S, JA4).
PUBLISHED = {
    "zeek/rdp-no-cookie-mstshash.pcap": ("c12f54a3f91dc7bafd92cb59fe009a35", "ba1b42efc7dc57bb43bf81de59791c1b",
                                         "t12i210600_76e208dd3e22_f28add8e7af0"),
    "ndpi/rdp.pcap": ("e4d448cdfe06dc1243c1eb026c74ac9a", "ae4edc6faf64d08308082ad26be60767",
                      "t12d220700_0d4ca5d4ec72_3304d8368043"),
}


def replay(capture):
    done = subprocess.run([PROGRAM, "replay", "--json", str(capture)], capture_output=True, text=True, timeout=120)
    if done.returncode not in (0, 1):
        raise AssertionError(f"{capture.name}: exit code {done.returncode}: {done.stderr}")
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    for report in reports:
        report["source"]["file"] = pathlib.Path(report["source"]["file"]).name
        diagnosis = report["diagnosis"]  # what is found, not how the catalogue words it today
        report["diagnosis"] = {"causes": [f"{c['id']} ({c['confidence']})" for c in diagnosis["causes"]],
                               "warnings": [w["id"] for w in diagnosis.get("warnings", [])],
                               "mstsc": diagnosis.get("mstsc")}
    return reports


class Golden(unittest.TestCase):
    maxDiff = None

    def test_each_capture_replays_as_expected(self):
        self.assertTrue(CAPTURES, "no captures")
        for capture in CAPTURES:
            with self.subTest(capture=capture.name):
                expected = json.loads(capture.with_suffix(".expect.json").read_text())
                self.assertTrue(expected["connections"] or "none" in expected, "nothing is expected of it: --update")
                self.assertEqual(expected["connections"], replay(capture))


    def test_no_capture_and_no_report_of_one_holds_a_password(self):
        with tempfile.TemporaryDirectory() as folder:
            for capture in CAPTURES:
                (pathlib.Path(folder) / f"{capture.stem}.json").write_text(json.dumps(replay(capture)))
            files = [*CAPTURES, *pathlib.Path(folder).iterdir()]
            self.assertEqual((2 * len(CAPTURES), []), leaks.look(files, kdc.PASSWORDS.values()))
            planted = pathlib.Path(folder) / "planted.json"
            planted.write_text(kdc.PASSWORDS["alice"])
            self.assertEqual((1, [(planted, "as text")]), leaks.look([planted], kdc.PASSWORDS.values()))


class Oracle(unittest.TestCase):
    """tshark, which shares no line of code with us."""

    def compare(self, kind, one):
        """`one(capture, facts, port)` for every report with such facts; it says how many things it compared."""
        compared = 0
        for capture in CAPTURES:
            if HOSTILE.match(capture.name):
                continue
            for report in replay(capture):
                if report.get(kind):
                    with self.subTest(capture=capture.name):
                        compared += one(capture, report[kind], int(report["source"]["server"].rsplit(":", 1)[1]))
        self.assertGreater(compared, 20, "the comparison compared next to nothing")

    def test_tshark_has_nothing_against_the_framing(self):
        for capture in CAPTURES:
            with self.subTest(capture=capture.name):
                self.assertEqual([], observers.complaints(capture))

    def test_tshark_reads_the_same_negotiation(self):
        def one(capture, x224, port):
            seen = observers.negotiation(capture, port)
            if "requested" in seen:
                self.assertEqual(seen["requested"], sum(PROTOCOLS[p] for p in x224["requested_protocols"]))
            if "selected" in seen:
                self.assertEqual(seen["selected"], PROTOCOLS[x224["selected_protocol"]])
            if "failure" in seen:
                self.assertEqual(seen["failure"], x224["failure"]["code"])
            return len(seen)
        self.compare("x224", one)

    def test_tshark_reads_the_same_tls(self):
        def one(capture, tls, port):
            seen = observers.tls(capture, port, "")  # the secrets are in the capture
            if seen.cipher is not None:
                self.assertEqual(seen.version, VERSIONS[tls["version"]])
                self.assertEqual(seen.cipher, tls["cipher"]["code"])
            if seen.certificates:
                self.assertEqual([hashlib.sha256(c).hexdigest() for c in seen.certificates],
                                 [c["sha256"] for c in tls["certificates"]])
            # tshark opens more alerts than we do: those of TLS 1.2 and before behind the Finished.
            ours = [(a["by"], a["code"]) for a in tls.get("alerts", []) if "code" in a]
            self.assertEqual([], [a for a in ours if a not in seen.alerts])
            return (seen.cipher is not None) + bool(seen.certificates) + len(ours)
        self.compare("tls", one)


class Fingerprints(unittest.TestCase):
    """JA3 and JA3S beside tshark's, over our own captures and the shared ones."""

    def ours(self, capture):
        """{(client, server): (JA3, JA3S)}, of connections that have either."""
        prints = {}
        for report in replay(capture):
            tls = report.get("tls", {})
            both = tls.get("offered", {}).get("ja3"), tls.get("ja3s")
            if any(both):
                prints[(report["source"]["client"], report["source"]["server"])] = both
        return prints

    def compare(self, captures):
        """How many were equal."""
        equal = 0
        for capture in captures:
            with self.subTest(capture=capture.name):
                connections = [r["source"] for r in replay(capture)]
                ports = {int(c["server"].rsplit(":", 1)[1]) for c in connections}
                tsharks = observers.fingerprints(capture, ports) if ports else {}
                pairs = {(c["client"], c["server"]) for c in connections}
                tsharks = {pair: prints for pair, prints in tsharks.items() if pair in pairs}
                ours = self.ours(capture)
                self.assertEqual(tsharks, ours)
                equal += sum(p is not None for prints in ours.values() for p in prints)
        return equal

    def test_those_of_our_captures_are_tsharks(self):
        self.assertGreater(self.compare([c for c in CAPTURES if not HOSTILE.match(c.name)]), 60)

    def test_those_of_the_shared_captures_are_tsharks(self):
        if not (SHARED / "captures").is_dir():
            self.skipTest("no shared captures here")
        self.assertGreater(self.compare(sorted((SHARED / "captures").rglob("*.pcap*"))), 20)

    def test_they_are_what_others_published_of_these_captures(self):
        if not (SHARED / "captures").is_dir():
            self.skipTest("no shared captures here")
        for name, (ja3, ja3s, ja4) in PUBLISHED.items():
            tls = replay(SHARED / "captures" / name)[0]["tls"]
            self.assertEqual((ja3, ja3s, ja4), (tls["offered"]["ja3"], tls["ja3s"], tls["offered"]["ja4"]))
            self.assertEqual(ja3, hashlib.md5(tls["offered"]["ja3_text"].encode()).hexdigest())


def update(names):
    for capture in CAPTURES:
        if names and capture.stem not in names:
            continue
        path = capture.with_suffix(".expect.json")
        expected = json.loads(path.read_text())
        expected["connections"] = replay(capture)
        if not expected["connections"]:
            expected["none"] = "no RDP in it"
        path.write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    if "--update" in sys.argv:
        update([n for n in sys.argv[1:] if n != "--update"])
    else:
        unittest.main(verbosity=2)
