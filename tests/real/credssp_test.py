"""NLA against an acceptor whose NTLM and TLS are nobody's of ours (credssp_acceptor.py): every version, every kind of key, both
authorization results, and what the server saw of it all."""
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import rdpwhy
import servers
from real_test_case import RealTestCase

PASSWORDS = {"alice": "LabPass1!", "m\u00fcller": "Gr\u00fc\u00dfe-12!"}
WRONG = "Wr0ngPass!"
COMPLETE = {"tcp": "passed", "x224": "passed", "tls": "passed", "credssp": "passed", "mcs": "stopped"}
REFUSED = {"tcp": "passed", "x224": "passed", "tls": "passed", "credssp": "failed"}


class Ntlm(RealTestCase):
    passwords = {*PASSWORDS.values(), WRONG}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.environment = servers.ntlm_users(cls.folder, PASSWORDS)

    def acceptor(self, pair="valid", **settings):
        return servers.Acceptor(self.folder, self.certificates[pair], PASSWORDS, environment=self.environment, **settings)

    def log_on(self, server, password=PASSWORDS["alice"], *arguments, user="alice", **how):
        return self.probe(server, "--user", user, "--domain", "LAB", "--password-file", self.password_file(password),
                          "--auth", "ntlm", *arguments, **how)

    def expect_accepted(self, run, server, user="alice"):
        self.assertEqual((0, None, "credssp", "handshake-complete"),
                         (run.exit_code, run.ending, run.report["reached"], run.first_cause))
        self.assertEqual(COMPLETE, run.phases)
        self.assertEqual(("NTLM", user), (run.report["credssp"]["mechanism"], run.report["credssp"]["user"]))
        self.assertIs(True, run.report["run"]["public_key_confirmed"])
        seen = server.dialogue()
        self.assertEqual(["NEGOTIATE", "AUTHENTICATE"], seen["tokens"])
        self.assertIs(True, seen["proof_is_right"], seen)
        self.assertEqual({"domain": "LAB", "user": user, "empty": False, "password_is_right": True}, seen["delegated"])
        self.assertEqual("", seen["then"], "nothing of a session was begun")
        return seen

    def expect_refused(self, run, server, ending, cause, confidence):
        self.assertEqual((1, ending, "tls", cause), (run.exit_code, run.ending, run.report["reached"], run.first_cause))
        self.assertEqual(REFUSED, run.phases)
        self.assertEqual(confidence, run.report["diagnosis"]["causes"][0]["confidence"])
        seen = server.dialogue()
        self.assertEqual(["NEGOTIATE", "AUTHENTICATE"], [token for one in server.seen() for token in one["tokens"]])
        self.assertNotIn("delegated", seen)

    def test_without_credentials_it_stops_at_the_challenge(self):
        with self.acceptor() as server:
            run = self.probe(server)
            seen = server.dialogue()
        self.assertEqual((0, None), (run.exit_code, run.ending))
        self.assertEqual((["NEGOTIATE"], True), (seen["tokens"], seen.get("left")))

    def test_the_right_password_goes_through_tls_1_2_and_1_3(self):
        for version in ("1.2", "1.3"):
            with self.subTest(tls=version), self.acceptor(tls=f"TLSv{version.replace('.', '_')}") as server:
                run = self.log_on(server)
                self.assertEqual(f"TLSv{version}", self.expect_accepted(run, server)["tls"])
                self.expect_tls_as_tshark_says(run, server, self.certificates["valid"])

    def test_a_name_and_a_password_beyond_ascii(self):
        with self.acceptor() as server:
            self.expect_accepted(self.log_on(server, PASSWORDS["m\u00fcller"], user="m\u00fcller"), server, "m\u00fcller")

    def test_keys_of_every_kind(self):
        self.certificates.issue("rsa4096", rsa.generate_private_key(65537, 4096))
        self.certificates.issue("ec384", ec.generate_private_key(ec.SECP384R1()))
        for pair, kind, bits in (("rsa1024", "RSA", 1024), ("valid", "RSA", 2048), ("rsa4096", "RSA", 4096), ("ec256", "EC", 256),
                                 ("ec384", "EC", 384), ("ed25519", "Ed25519", None)):
            for version in (3, 6):  # the key itself, and a hash of it
                with self.subTest(pair, version=version), self.acceptor(pair, version=version) as server:
                    # A current mstsc does not offer Ed25519.
                    offer = ["--signature-algorithms", "ed25519"] if pair == "ed25519" else []
                    run = self.log_on(server, PASSWORDS["alice"], *offer)
                    self.expect_accepted(run, server)
                    key = run.report["tls"]["certificates"][0]["key"]
                    self.assertEqual(kind, key["type"])
                    if bits:
                        self.assertEqual(bits, key["bits"])

    def test_a_server_with_a_key_that_mstsc_cannot_take_is_no_matter_of_the_password(self):
        with self.acceptor("ed25519") as server:
            run = self.log_on(server)
            self.assertEqual([], server.connections()[0]["tokens"])
        self.assertEqual((1, ("tls", "server", "alert"), "no-common-cipher"), (run.exit_code, run.ending, run.first_cause))

    def test_every_version_of_a_server_is_met(self):
        for version in range(2, 7):
            with self.subTest(version=version), self.acceptor(version=version) as server:
                run = self.log_on(server)
                self.expect_accepted(run, server)
                self.assertEqual(version, run.report["credssp"]["server_version"])
                self.assertEqual(6, server.dialogue()["client_version"])

    def test_every_version_of_ours_is_met(self):
        for version in range(2, 6):
            with self.subTest(version=version), self.acceptor() as server:
                self.expect_accepted(self.log_on(server, PASSWORDS["alice"], "--credssp-version", str(version)), server)
                self.assertEqual(version, server.dialogue()["client_version"])

    def test_a_wrong_password_and_an_unknown_user_are_tried_once_and_told_by_their_code(self):
        for user, password in (("alice", WRONG), ("nobody", PASSWORDS["alice"])):
            with self.subTest(user=user), self.acceptor() as server:
                run = self.log_on(server, password, user=user)
                self.expect_refused(run, server, ("credssp", "server", "failure_pdu"), "logon-failure", "certain")
                self.assertEqual({"code": 0xC000006D, "name": "STATUS_LOGON_FAILURE"}, run.report["credssp"]["error"])

    def test_only_some_versions_have_a_code_for_a_wrong_password(self):
        for version in range(2, 6):
            with self.subTest(version=version), self.acceptor(version=version) as server:
                run = self.log_on(server, WRONG)
                if version in (3, 4):
                    self.expect_refused(run, server, ("credssp", "server", "failure_pdu"), "logon-failure", "certain")
                else:
                    self.expect_refused(run, server, ("credssp", "server", "close"), "credentials-refused-without-reason", "likely")

    def test_the_authorization_result_is_read(self):
        for result, exit_code, cause in ((0, 0, "handshake-complete"), (5, 1, "remote-desktop-right-missing")):
            with self.subTest(result=result), self.acceptor(protocol=8, authorization=result) as server:
                run = self.log_on(server)
                self.assertEqual((exit_code, cause), (run.exit_code, run.first_cause))
                denied = result != 0
                self.assertEqual({**{k: v for k, v in COMPLETE.items() if k != "mcs"},
                                  **({"authorization": "failed"} if denied else {"authorization": "passed", "mcs": "stopped"})}, run.phases)
                self.assertEqual(result, run.report["credssp"]["authorization"]["code"])
                self.assertEqual(("credssp", ("authorization", "server", "failure_pdu")) if denied else ("authorization", None),
                                 (run.report["reached"], run.ending))
                self.assertIs(True, server.dialogue()["delegated"]["password_is_right"])

    def test_a_core_of_a_run_that_has_had_its_attempt_holds_no_password(self):
        with self.acceptor(protocol=8, silent=True) as server:
            self.expect_no_password_in_a_core(server, PASSWORDS["alice"], "--user", "alice", "--domain", "LAB", "--auth", "ntlm")

    def test_restricted_admin_delegates_nothing(self):
        with self.acceptor() as server:
            run = self.log_on(server, PASSWORDS["alice"], "--restricted-admin")
            seen = server.dialogue()
        self.assertEqual((0, COMPLETE), (run.exit_code, run.phases))
        self.assertEqual((1, "LAB\\alice"), (seen["request_flags"] & 1, seen["accepted"].rstrip("\0")))
        self.assertTrue(seen["delegated"]["empty"], seen)

    def test_restricted_admin_is_not_begun_where_the_server_does_not_know_it(self):
        with self.acceptor(flags=0x07) as server:
            run = self.log_on(server, PASSWORDS["alice"], "--restricted-admin")
            seen = server.connections()[0]
        self.assertEqual((1, [], "no_restricted_admin"), (run.exit_code, seen["tokens"], run.report["run"]["own_stop"]["why"]))
        self.assertEqual("unexplained", run.first_cause)

    def test_a_capture_without_secrets_shows_that_something_followed_tls_and_no_more(self):
        with self.acceptor() as server:
            run = self.log_on(server, PASSWORDS["alice"], "--no-capture-secrets", replay_agrees=False)
            self.expect_accepted(run, server)
        (replayed,) = run.replays()
        self.assertNotIn("credssp", replayed)
        self.assertEqual("encrypted", {p["phase"]: p["status"] for p in replayed["phases"]}["credssp"])
        self.assertEqual([], [e["what"] for e in replayed["evidence"] if "CredSSP" in e["what"]])
