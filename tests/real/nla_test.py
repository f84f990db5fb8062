"""NLA with FreeRDP's shadow server, which really authenticates (NTLM): how far a logon gets, and that a password is tried once."""
import json

import kdc
import rdpwhy
import servers
from real_test_case import RealTestCase

PASSWORD = kdc.PASSWORDS["alice"]


class Nla(RealTestCase):
    passwords = {PASSWORD}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.display = cls.enterClassContext(servers.display(cls.folder))
        cls.sam = servers.sam_file(cls.folder, "alice", PASSWORD)

    def server(self):
        return servers.shadow(self.folder, self.certificates["valid"], self.display, "/sec:nla", "+auth", f"/sam-file:{self.sam}")

    def log_on(self, server, user, password, *arguments):
        return self.probe(server, "--user", user, "--password-file", self.password_file(password), "--auth", "ntlm",
                          "--until", "credssp", *arguments)

    def test_without_credentials_it_stops_at_the_challenge(self):
        with self.server() as server:
            run = self.probe(server)
        self.assertEqual((0, None), (run.exit_code, run.ending))
        self.assertEqual((1, 0), (len(run.said("NTLM CHALLENGE")), len(run.said("NTLM AUTHENTICATE"))))
        self.assertEqual("NTLM", run.report["credssp"]["mechanism"])

    def test_the_right_password_goes_through(self):
        for versions in ("1.2", "1.3"):
            with self.subTest(tls=versions), self.server() as server:
                run = self.log_on(server, "alice", PASSWORD, "--tls-min", versions, "--tls-max", versions)
                self.assertEqual((0, None, "credssp"), (run.exit_code, run.ending, run.report["reached"]))
                self.assertEqual("alice", run.report["credssp"]["user"])
                self.assertIs(True, run.report["run"]["public_key_confirmed"])
                self.assertEqual(1, len(run.said("NTLM AUTHENTICATE")))
                self.assertEqual("handshake-complete", run.first_cause)
                self.assertFalse([f for f in run.report["diagnosis"]["causes"][0]["fix"] if "(credentials" in f], "they were tried")

    def test_a_wrong_password_and_an_unknown_user_are_tried_once_and_look_alike(self):
        for user, password in (("alice", "not it at all"), ("nobody", PASSWORD)):
            with self.subTest(user=user), self.server() as server:
                run = self.log_on(server, user, password)
                self.assertEqual((1, "tls"), (run.exit_code, run.report["reached"]))
                self.assertEqual(("credssp", "server"), run.ending[:2])
                self.assertEqual("credentials-refused-without-reason", run.first_cause)
                self.assertNotEqual("certain", run.report["diagnosis"]["causes"][0]["confidence"])
                self.assertEqual(1, len(run.said("NTLM AUTHENTICATE")))

    def test_a_server_that_does_not_know_restricted_admin_is_not_begun_with(self):
        with self.server() as server:
            run = self.log_on(server, "alice", PASSWORD, "--restricted-admin")
        self.assertNotIn("RESTRICTED_ADMIN_MODE_SUPPORTED", run.report["x224"]["response_flags"])
        self.assertEqual((1, "no_restricted_admin"), (run.exit_code, run.report["run"]["own_stop"]["why"]))
        self.assertEqual([], run.said("NTLM"))

    def test_of_several_targets_only_the_first_is_logged_on_to_whatever_a_cache_holds(self):
        realm = kdc.Realm(self.folder)
        with realm.kdc() as center, self.server() as first, self.server() as second:
            environment = realm.sign_in(realm.client(center.port))
            code, lines, talk = rdpwhy.done(
                self.folder, "several-targets", "--json", "--resolve", "127.0.0.1", "--auth", "kerberos", "--user", "alice",
                "--password-file", self.password_file(PASSWORD), f"host.lab:{first.port}", f"host.lab:{second.port}",
                environment=environment)
        one, other = [json.loads(line) for line in lines.splitlines()]

        def said(report, words):
            return [e["what"] for e in report["evidence"] if words in e["what"]]
        self.assertTrue(said(one, "KDC"), (code, talk))
        self.assertEqual(([], []), (said(other, "KDC"), said(other, "AP-REQ")))
        self.assertEqual((1, 0), (len(said(other, "NTLM CHALLENGE")), len(said(other, "NTLM AUTHENTICATE"))))
