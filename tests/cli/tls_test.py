"""tls from outside: what the lab's servers accept, the JSON against its schema, exit codes, an interruption."""
import json
import os
import signal
import socket
import subprocess

import jsonschema
from probe_test import Lab
from program import PROGRAM, SOURCE, Case, main, run

with open(os.path.join(SOURCE, "src/report/tls.schema.json")) as schema_file:
    SCHEMA = json.load(schema_file)
jsonschema.Draft202012Validator.check_schema(SCHEMA)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
QUICKLY = ("--pace", "0", "--timeout", "2")


class Tls(Case):
    def survey(self, finished):
        (line,) = finished.stdout.splitlines()
        report = json.loads(line)
        self.assertEqual([f"{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}" for e in VALIDATOR.iter_errors(report)], [])
        self.assertEqual(report["connections"], len(report["asked"]))
        return report

    def versions(self, report):
        return {v["version"]: v["accepted"] for v in report["versions"]}

    def test_a_server_of_tls_12_and_13_is_enumerated(self):
        with Lab("valid") as target:
            finished = run("tls", "--json", *QUICKLY, target)
            report = self.survey(finished)
        self.assertEqual((finished.returncode, finished.stderr), (0, b""))
        self.assertTrue(report["complete"])
        self.assertEqual(self.versions(report), {"SSLv2": "unknown", "SSLv3": "no", "TLSv1.0": "no", "TLSv1.1": "no",
                                                 "TLSv1.2": "yes", "TLSv1.3": "yes"})
        names = [s["name"] for v in report["versions"] if v["version"] == "TLSv1.3" for s in v["suites"]]
        self.assertEqual(sorted(names), ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"])
        self.assertEqual(report["properties"]["fallback_scsv"]["known"], "yes")

    def test_text_says_first_what_is_accepted_and_fits_80_columns(self):
        with Lab("valid") as target:
            finished = run("tls", *QUICKLY, "--parallel", "2", target)
        text = finished.stdout.decode()
        self.assertTrue(text.startswith(f"{target}: TLSv1.2, TLSv1.3; "), text)
        self.assertEqual([line for line in text.splitlines() if len(line) > 80], [])
        self.assertNotIn("\x1b", text)
        self.assertEqual(finished.returncode, 0)

    def test_two_side_by_side_find_the_same(self):
        with Lab("valid") as target:
            one, two = (self.survey(run("tls", "--json", *QUICKLY, "--parallel", n, target)) for n in "13")
        for report in (one, two):
            for key in ("source", "started", "took_ms", "asked", "certificates"):
                del report[key]
        self.assertEqual(one, two)

    def test_a_server_without_tls_says_why_and_ends_with_1(self):
        for scenario, words in (("failure-2", "SSL_NOT_ALLOWED_BY_SERVER"), ("selects-rdp", "Standard RDP Security"),
                                ("closes-after-request", "closed"), ("ssh-banner", "no TLS"), ("silent", "no answer")):
            with self.subTest(scenario), Lab(scenario) as target:
                finished = run("tls", "--json", "--pace", "0", "--timeout", "1", target)
                report = self.survey(finished)
                self.assertEqual(finished.returncode, 1)
                self.assertFalse(report["calibration"]["answered"])
                self.assertIn(words, report["calibration"]["refusals"][-1]["says"])
                self.assertEqual(report["versions"], [])

    def test_a_server_that_wants_nla_is_asked_with_it(self):
        with Lab("nla") as target:
            report = self.survey(run("tls", "--json", *QUICKLY, target))
        self.assertEqual(report["calibration"]["requested_protocols"], ["SSL", "HYBRID"])
        self.assertTrue(report["complete"])

    def test_a_closed_port_ends_with_1_and_is_no_answer(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            finished = run("tls", "--json", f"127.0.0.1:{free.getsockname()[1]}")
        report = self.survey(finished)
        self.assertEqual(finished.returncode, 1)
        self.assertEqual(report["calibration"]["refusals"][0]["how"], "refused")

    def test_the_bound_of_connections_leaves_the_rest_unknown(self):
        with Lab("valid") as target:
            finished = run("tls", "--json", *QUICKLY, "--max-connections", "5", target)
            report = self.survey(finished)
        self.assertEqual((finished.returncode, report["connections"], report["complete"]), (1, 5, False))
        self.assertIn("5 connections", report["stopped"])
        self.assertNotIn("no", self.versions(report).values())

    def test_an_interruption_reports_what_was_seen(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with Lab("valid") as target:
                process = subprocess.Popen([PROGRAM, "tls", "--json", "--pace", "5000", target], stdout=subprocess.PIPE,
                                           stderr=subprocess.PIPE)
                # Its second connection waits for five seconds; the first was made at once.
                self.wait_for_connection(target)
                process.send_signal(number)
                out, err = process.communicate(timeout=20)
                report = self.survey(subprocess.CompletedProcess([], 0, out, err))
                self.assertEqual(report["stopped"], "interrupted")
                self.assertEqual(process.returncode, 1)
                self.assertIn(b"interrupted", err)

    def wait_for_connection(self, target):
        """Until somebody has closed a connection to the lab: then the signals are watched for."""
        port = f":{int(target.rsplit(':', 1)[1]):04X}"
        while True:
            with open("/proc/net/tcp") as table:
                if any(port in line.split()[1] + line.split()[2] and line.split()[3] != "0A" for line in list(table)[1:]):
                    return

    def test_usage_errors(self):
        for arguments in ([], ["--security", "rdp", "host"], ["--security", "none", "host"], ["--parallel", "0", "host"],
                          ["--parallel", "99", "host"], ["--pace", "-1", "host"]):
            with self.subTest(arguments):
                finished = run("tls", *arguments)
                self.assertEqual((finished.returncode, finished.stdout), (2, b""))


if __name__ == "__main__":
    main()
