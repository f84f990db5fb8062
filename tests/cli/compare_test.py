"""compare from outside: saved and live configurations, what differs, exit codes, files that are no survey."""
import copy
import json
import os
import tempfile

import jsonschema
from probe_test import Lab
from program import SOURCE, Case, main, run

with open(os.path.join(SOURCE, "src/report/compare.schema.json")) as schema_file:
    SCHEMA = json.load(schema_file)
jsonschema.Draft202012Validator.check_schema(SCHEMA)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


class Compare(Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        with Lab("valid") as target:
            cls.line = run("tls", "--json", "--pace", "0", target).stdout

    def saved(self, report, name="x.json"):
        path = os.path.join(self.folder.name, name)
        with open(path, "wb") as file:
            file.write(report if isinstance(report, bytes) else json.dumps(report).encode())
        return path

    def compared(self, first, second):
        finished = run("compare", "--json", self.saved(first, "a.json"), self.saved(second, "b.json"))
        self.assertEqual(finished.stderr, b"")
        found = json.loads(finished.stdout)
        self.assertEqual([e.message for e in VALIDATOR.iter_errors(found)], [])
        return finished.returncode, found

    def changed(self, change):
        report = json.loads(self.line)
        change(report, {v["version"]: v for v in report["versions"]})
        return report

    def one_difference(self, change):
        code, found = self.compared(self.line, self.changed(change))
        self.assertEqual(code, 4)
        self.assertEqual(len(found["differences"]), 1, found)
        return found["differences"][0]

    def test_a_survey_equals_itself(self):
        self.assertEqual(self.compared(self.line, self.line)[0], 0)
        finished = run("compare", self.saved(self.line, "a.json"), self.saved(self.line, "b.json"))
        self.assertEqual(finished.returncode, 0)
        self.assertIn(b"accept the same", finished.stdout)

    def test_one_suite_one_group_one_flag_one_certificate(self):
        def suite(_, versions):
            versions["TLSv1.2"]["suites"].append({"code": 5, "name": "TLS_RSA_WITH_RC4_128_SHA"})
        found = self.one_difference(suite)
        self.assertEqual((found["what"], found["direction"]), ("TLS_RSA_WITH_RC4_128_SHA", "weaker"))

        def group(report, _):
            report["groups"]["accepted"].pop()
        self.assertEqual(self.one_difference(group)["second"], "not accepted")

        def flag(_, versions):
            versions["TLSv1.2"]["preference"] = "mixed"
        self.assertEqual(self.one_difference(flag)["what"], "who decides")

        def certificate(report, _):
            report["certificates"][0]["chain"][0]["sha256"] = "0" * 64
        self.assertEqual(self.one_difference(certificate)["where"], "certificates")

    def test_what_one_does_not_know_is_no_difference(self):
        def unknown(_, versions):
            versions["TLSv1.1"].update(accepted="unknown")
        code, found = self.compared(self.line, self.changed(unknown))
        self.assertEqual((code, found["differences"], found["unknown"]), (1, [], ["TLSv1.1"]))

    def test_a_live_server_beside_its_own_survey(self):
        with Lab("valid") as target:
            finished = run("compare", "--json", "--pace", "0", self.saved(self.line), target)
        found = json.loads(finished.stdout)
        # Each lab makes a certificate of its own.
        self.assertEqual({d["where"] for d in found["differences"]} - {"certificates"}, set())

    def test_text_fits_80_columns_and_leads_with_one_sentence(self):
        def more(_, versions):
            versions["TLSv1.2"]["suites"].append({"code": 0x1B, "name": "TLS_DH_anon_WITH_3DES_EDE_CBC_SHA"})
        finished = run("compare", self.saved(self.line, "a.json"), self.saved(self.changed(more), "b.json"))
        self.assertEqual(finished.returncode, 4)
        text = finished.stdout.decode()
        self.assertIn("differ in 1 thing", text.replace("\n", " "))
        self.assertEqual([line for line in text.splitlines() if len(line) > 80 and "/" not in line], [])

    def test_files_that_are_no_survey(self):
        good = self.saved(self.line, "good.json")
        for octets in (b"", b"{}", b"[]", b"null", b"{", b"[" * 100000, b'{"schema": "rdpwhy.handshake/1"}', b"\xff\xfe", self.line + self.line):
            with self.subTest(octets[:20]):
                finished = run("compare", good, self.saved(octets, "bad.json"))
                self.assertEqual((finished.returncode, finished.stdout), (3, b""))
        report = json.loads(self.line)
        for key in report:
            for odd in (None, [], {}, "x", -1, [None], [[]], [{}], {"accepted": [{"code": -1}, {"code": 1e99}, {"code": 70000}]}):
                damaged = copy.deepcopy(report)
                damaged[key] = odd
                finished = run("compare", good, self.saved(damaged, "bad.json"))
                self.assertIn(finished.returncode, (0, 1, 3, 4), (key, odd, finished.stderr))

    def test_usage(self):
        for arguments in ([], [self.saved(self.line)]):
            self.assertEqual(run("compare", *arguments).returncode, 2)


if __name__ == "__main__":
    main()
