"""The program under test as a black box: run it, read its JSON, hold that against the schema."""
import json
import os
import subprocess
import sys
import unittest

import jsonschema

PROGRAM, SOURCE = sys.argv[1], sys.argv[2]
SHARED = os.environ.get("RDPWHY_SHARED") or os.path.join(os.path.dirname(os.path.abspath(SOURCE)), "shared")
with open(os.path.join(SOURCE, "src/report/handshake.schema.json")) as schema_file:
    SCHEMA = json.load(schema_file)
jsonschema.Draft202012Validator.check_schema(SCHEMA)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def run(*arguments, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=60, env=None):
    environment = {**os.environ, **(env or {})}
    return subprocess.run([PROGRAM, *arguments], stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, timeout=timeout,
                          env=environment, check=False)


class Case(unittest.TestCase):
    maxDiff = None

    def handshakes(self, finished):
        """Every line is an object of the schema, and refers only to evidence and experiments that it holds."""
        objects = []
        for line in finished.stdout.splitlines():
            report = json.loads(line)
            errors = [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}" for e in VALIDATOR.iter_errors(report)]
            self.assertEqual(errors, [])
            known = {e["id"] for e in report["evidence"] + report["experiments"]}
            for finding in report["diagnosis"]["causes"] + report["diagnosis"]["warnings"]:
                self.assertLessEqual(set(finding["because"]), known)
            objects.append(report)
        return objects

    def complains(self, finished, *words):
        """One sentence for people on stderr, nothing on stdout."""
        text = finished.stderr.decode()
        self.assertEqual(finished.stdout, b"")
        self.assertTrue(text.startswith("rdpwhy: "), text)
        for word in words:
            self.assertIn(word, text)


def main():
    del sys.argv[1:]
    unittest.main()
