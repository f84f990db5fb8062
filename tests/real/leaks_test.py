"""The search for passwords in outputs can fail."""
import pathlib
import tempfile
import unittest

import leaks

PASSWORD = "LabPass1!"


class Search(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, octets, name="outputs/run-1.json"):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(octets)
        return path

    def test_the_hash_is_that_of_the_specification(self):
        self.assertEqual("a4f49c406510bdcab6824ee7c30fd852", leaks.nt_hash("Password").hex())  # MS-NLMP 4.2.2.1.2

    def test_every_form_is_found_wherever_it_lies(self):
        self.write(b"something else", "outputs/run-0.json")
        for octets in (PASSWORD.encode(), PASSWORD.encode("utf-16-le"), leaks.nt_hash(PASSWORD), PASSWORD.encode().hex().encode(),
                       PASSWORD.encode("utf-16-le").hex().upper().encode(), leaks.nt_hash(PASSWORD).hex().upper().encode()):
            for name in ("outputs/run-1.pcapng", "core.17", "server.out", "some/where.log"):
                path = self.write(b"\x00\x01" + octets + b"\xff", name)
                with self.assertRaisesRegex(AssertionError, "a password is in " + name):
                    leaks.expect_none(self.folder, {PASSWORD})
                path.unlink()

    def test_what_holds_none_is_counted_and_secrets_are_no_output(self):
        self.write(b"{}")
        self.write(b"log", "server.out")
        self.write(PASSWORD.encode(), "secrets/password")
        self.assertEqual(2, leaks.expect_none(self.folder, {PASSWORD, "another one"}))

    def test_nothing_to_look_at_is_a_failure(self):
        with self.assertRaisesRegex(AssertionError, "no output"):
            leaks.expect_none(self.folder, {PASSWORD})

    def run_class(self, body):
        class Case(leaks.Watched):
            test_it = body
        return unittest.defaultTestLoader.loadTestsFromTestCase(Case).run(unittest.TestResult())

    def test_a_class_of_tests_fails_at_its_end_over_a_password_that_it_used(self):
        def leaking(case):
            case.password_file(PASSWORD)
            (case.folder / "some.log").write_text(f"password={PASSWORD}")

        def clean(case):
            case.password_file(PASSWORD)
            (case.folder / "some.log").write_text("password=***")

        self.assertIn("a password is in some.log", self.run_class(leaking).errors[0][1])
        self.assertTrue(self.run_class(clean).wasSuccessful())

    def test_a_class_that_ran_nothing_is_skipped(self):
        result = self.run_class(lambda case: case.skipTest("its server is not installed"))
        self.assertEqual((2, True), (len(result.skipped), result.wasSuccessful()))
