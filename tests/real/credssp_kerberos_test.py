"""NLA by Kerberos: a real KDC, an acceptor with a keytab, and what each of them saw. Every way in which it goes wrong is told as what it
is, a password is tried once in all, and NTLM has its turn only where no KDC had the password."""
import socket

import kdc
import servers
from real_test_case import RealTestCase

PASSWORD = kdc.PASSWORDS["alice"]
WRONG = "Wr0ngPass!"
COMPLETE = {"tcp": "passed", "x224": "passed", "tls": "passed", "kerberos": "passed", "credssp": "passed", "mcs": "stopped"}
NO_TICKET = {"tcp": "passed", "x224": "passed", "tls": "passed", "kerberos": "failed"}
TICKET_REFUSED = {"tcp": "passed", "x224": "passed", "tls": "passed", "kerberos": "passed", "credssp": "failed"}
KDC_ANSWERS = 20  # seconds; it may have a busy machine


class KerberosTestCase(RealTestCase):
    passwords = {*kdc.PASSWORDS.values(), WRONG}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        servers.require_gssapi()
        cls.realm = kdc.Realm(cls.folder)
        cls.kdc = cls.enterClassContext(cls.realm.kdc())

    def setUp(self):
        self.relay = self.enterContext(kdc.Relay(self.kdc.port))
        self.environment = self.realm.client(self.relay.port)

    def acceptor(self, *, ntlm=False, keytab=None, **settings):
        environment = {"KRB5_CONFIG": self.environment["KRB5_CONFIG"], "KRB5_KTNAME": str(keytab or self.realm.keytab),
                       "KRB5RCACHENAME": "none:"}
        if ntlm:
            environment |= servers.ntlm_users(self.folder, kdc.PASSWORDS)
        return self.enterContext(servers.Acceptor(self.folder, self.certificates["valid"], kdc.PASSWORDS, environment=environment,
                                                  **settings))

    def log_on(self, server, *arguments, user="alice", password=PASSWORD, host="host.lab", environment=None, timeout=KDC_ANSWERS):
        """With a password, unless `user` is None: then with the tickets of a cache."""
        logon = ["--user", user, "--password-file", self.password_file(password)] if user else []
        where = [] if host[0].isdigit() else ["--resolve", "127.0.0.1"]
        return self.probe(server, *where, *logon, "--timeout", str(timeout), *arguments, address=host,
                          environment=environment or self.environment)

    def talks(self, run):
        """What the KDC was asked for, and what came of it."""
        return [(talk.get("service"), talk["outcome"], talk.get("error", {}).get("code")) for talk in run.report["credssp"].get("kdc", [])]

    def expect_tries(self, kdcs, tokens, server):
        """How often a password went to a KDC, and what came to the server."""
        self.assertEqual((kdcs, tokens), (self.relay.tries, [token for one in server.seen() for token in one["tokens"]]))

    def expect_complete(self, run, server, delegated=True):
        self.assertEqual((0, None, "credssp", "handshake-complete"), (run.exit_code, run.ending, run.report["reached"], run.first_cause))
        self.assertEqual((COMPLETE, "Kerberos"), (run.phases, run.report["credssp"]["mechanism"]))
        seen = server.dialogue()
        self.assertEqual(("alice@LAB.TEST", "Kerberos", True), (seen["accepted"], seen["mechanism"], seen["proof_is_right"]))
        self.assertEqual((delegated, not delegated), (seen["delegated"]["password_is_right"], seen["delegated"]["empty"]))

    def expect_no_ticket(self, run, server, ending, cause, confidence):
        """It ended with a KDC: the server got nothing."""
        self.assertEqual((1, "tls", ending, cause), (run.exit_code, run.report["reached"], run.ending, run.first_cause))
        self.assertEqual(NO_TICKET, run.phases)
        self.assertEqual(confidence, run.report["diagnosis"]["causes"][0]["confidence"])
        self.assertEqual([[]], [one["tokens"] for one in server.connections()])
        return run.report["diagnosis"]["causes"][0]["says"]

    def expect_ticket_refused(self, run, server, code, cause, confidence):
        """The server did not take the ticket, and said so by KRB-ERROR."""
        self.assertEqual((1, "kerberos", ("credssp", "server", "failure_pdu"), cause),
                         (run.exit_code, run.report["reached"], run.ending, run.first_cause))
        self.assertEqual(TICKET_REFUSED, run.phases)
        self.assertEqual(confidence, run.report["diagnosis"]["causes"][0]["confidence"])
        seen = server.dialogue()
        self.assertEqual("KRB-ERROR", seen["error_token"], seen)
        self.expect_tries(1, ["AP-REQ"], server)
        says = run.report["diagnosis"]["causes"][0]["says"]
        self.assertIn(f"({code})", says)
        return says


class Passwords(KerberosTestCase):
    def test_the_right_password_goes_through_and_is_shown_to_one_kdc_once(self):
        for how in ("negotiate", "kerberos"):
            with self.subTest(auth=how):
                self.relay.messages.clear()
                server = self.acceptor()
                run = self.log_on(server, "--auth", how)
                self.expect_complete(run, server)
                self.expect_tries(1, ["AP-REQ"], server)
                self.assertEqual([(None, "granted", None), ("TERMSRV/host.lab@LAB.TEST", "granted", None)], self.talks(run))

    def test_every_version_and_both_layouts_of_what_is_sealed(self):
        for version in range(2, 7):
            with self.subTest(version=version):
                server = self.acceptor(version=version, rotated=version % 2 == 0)
                self.expect_complete(self.log_on(server), server)

    def test_the_authorization_result_is_read(self):
        for result, exit_code, cause in ((0, 0, "handshake-complete"), (5, 1, "remote-desktop-right-missing")):
            with self.subTest(result=result):
                server = self.acceptor(protocol=8, authorization=result)
                run = self.log_on(server)
                self.assertEqual((exit_code, cause, "failed" if result else "passed"),
                                 (run.exit_code, run.first_cause, run.phases["authorization"]))
                self.assertIs(True, server.dialogue()["delegated"]["password_is_right"])

    def test_a_core_of_a_run_that_has_had_its_attempt_holds_no_password(self):
        server = self.acceptor(protocol=8, silent=True)
        self.expect_no_password_in_a_core(server, PASSWORD, "--user", "alice", "--auth", "kerberos", "--resolve", "127.0.0.1",
                                          address="host.lab", environment=self.environment)

    def test_a_wrong_password_is_tried_at_one_kdc_once_and_not_by_ntlm_after(self):
        for how in ("negotiate", "kerberos"):
            with self.subTest(auth=how):
                self.relay.messages.clear()
                server = self.acceptor(ntlm=True)
                run = self.log_on(server, "--auth", how, password=WRONG)
                self.expect_no_ticket(run, server, ("kerberos", "network", "failure_pdu"), "logon-failure", "certain")
                self.assertEqual(([(None, "refused", 24)], 1), (self.talks(run), self.relay.tries))

    def test_an_unknown_user_is_told_and_shows_no_password_to_anybody(self):
        server = self.acceptor()
        run = self.log_on(server, "--auth", "kerberos", user="nobody")
        self.expect_no_ticket(run, server, ("kerberos", "network", "failure_pdu"), "logon-failure", "certain")
        self.assertEqual([(None, "refused", 6)], self.talks(run))
        self.assertEqual(0, self.relay.tries)

    def test_an_expired_password_and_a_locked_account_are_told_and_not_tried_by_ntlm(self):
        for user, cause, confidence, code in (("expired", "password-expired", "likely", 23), ("locked", "account-disabled", "possible", 18)):
            with self.subTest(user):
                server = self.acceptor(ntlm=True)
                run = self.log_on(server, user=user, password=kdc.PASSWORDS[user])
                self.expect_no_ticket(run, server, ("kerberos", "network", "failure_pdu"), cause, confidence)
                self.assertEqual([(None, "refused", code)], self.talks(run))

    def test_a_kdc_that_falls_silent_on_the_password_leaves_none_for_ntlm(self):
        with kdc.Relay(self.kdc.port, kdc.proofs_in) as relay:
            server = self.acceptor(ntlm=True)
            run = self.log_on(server, environment=self.realm.client(relay.port))
            self.expect_no_ticket(run, server, ("kerberos", "network", "unreachable"), "kerberos-unavailable", "likely")
            self.assertEqual(1, relay.tries)


class Services(KerberosTestCase):
    def test_a_service_that_the_kdc_does_not_know_is_named(self):
        server = self.acceptor(ntlm=True)
        run = self.log_on(server, host="nosuch.lab")
        says = self.expect_no_ticket(run, server, ("kerberos", "network", "failure_pdu"), "kerberos-unavailable", "certain")
        self.assertIn("TERMSRV/nosuch.lab@LAB.TEST", says)
        self.assertEqual([(None, "granted", None), ("TERMSRV/nosuch.lab@LAB.TEST", "refused", 7)], self.talks(run))
        self.assertEqual(1, self.relay.tries, "and it was spent: nothing is left for NTLM")

    def test_an_address_rules_kerberos_out_and_that_is_said(self):
        server = self.acceptor()
        run = self.log_on(server, "--auth", "kerberos", host="127.0.0.1")
        says = self.expect_no_ticket(run, server, ("kerberos", "client", "unreachable"), "kerberos-unavailable", "likely")
        self.assertIn("the target is an address", says)
        self.assertEqual([], self.relay.messages)

    def test_by_an_address_the_password_goes_by_ntlm(self):
        server = self.acceptor(ntlm=True)
        run = self.log_on(server, host="127.0.0.1")
        self.assertEqual((0, "NTLM", "skipped"), (run.exit_code, run.report["credssp"]["mechanism"], run.phases["kerberos"]))
        self.assertIn("kerberos-needs-a-name", [w["id"] for w in run.report["diagnosis"]["warnings"]])
        self.expect_tries(0, ["NEGOTIATE", "AUTHENTICATE"], server)

    def test_a_server_with_another_key_than_the_kdc_thinks(self):
        server = self.acceptor(keytab=kdc.Realm(self.folder).keytab)
        run = self.log_on(server)
        self.expect_ticket_refused(run, server, 31, "kerberos-unavailable", "likely")


class DeadKdcs(KerberosTestCase):
    @staticmethod
    def kerberos_ms(run):
        (phase,) = [p for p in run.report["phases"] if p["phase"] == "kerberos"]
        return phase["ms"]

    def test_nobody_at_the_port_of_the_kdc(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound, not listening
            environment = self.realm.client(taken.getsockname()[1])
            server = self.acceptor()
            run = self.log_on(server, "--auth", "kerberos", environment=environment)
            self.expect_no_ticket(run, server, ("kerberos", "network", "unreachable"), "kerberos-unavailable", "likely")
            server = self.acceptor(ntlm=True)
            run = self.log_on(server, environment=environment)
            self.assertEqual((0, "NTLM", "skipped"), (run.exit_code, run.report["credssp"]["mechanism"], run.phases["kerberos"]))
            self.assertIn("kerberos-unavailable", [w["id"] for w in run.report["diagnosis"]["warnings"]])
            self.expect_tries(0, ["NEGOTIATE", "AUTHENTICATE"], server)

    def test_a_silent_kdc_takes_the_time_of_its_own_phase_and_no_more(self):
        with kdc.silent_port() as port:
            environment = self.realm.client(port)
            server = self.acceptor()
            run = self.log_on(server, "--auth", "kerberos", environment=environment, timeout=2)
            self.expect_no_ticket(run, server, ("kerberos", "network", "timeout"), "kerberos-unavailable", "likely")
            self.assertTrue(2000 <= self.kerberos_ms(run) < 3000, self.kerberos_ms(run))
            server = self.acceptor(ntlm=True)
            run = self.log_on(server, environment=environment, timeout=2)
            self.assertEqual((0, "NTLM", "skipped"), (run.exit_code, run.report["credssp"]["mechanism"], run.phases["kerberos"]))
            self.expect_tries(0, ["NEGOTIATE", "AUTHENTICATE"], server)


class Clocks(KerberosTestCase):
    def test_a_skew_that_the_kdc_refuses_is_told_with_its_size(self):
        with self.realm.kdc(clock="+3h") as fast, kdc.Relay(fast.port) as relay:
            server = self.acceptor(ntlm=True)
            run = self.log_on(server, environment=self.realm.client(relay.port, kdc_timesync="0"))
            says = self.expect_no_ticket(run, server, ("kerberos", "network", "failure_pdu"), "clock-skew", "certain")
            self.assertIn("3.0 h ahead of ours", says)
            self.assertEqual(1, relay.tries)

    def test_a_skew_of_the_server_is_told_with_its_size(self):
        for clock, code, confidence, size in (("+2h", 37, "certain", "120 min ahead of ours"), ("-20h", 33, "likely", "20.0 h behind ours")):
            with self.subTest(clock=clock):
                self.relay.messages.clear()
                server = self.acceptor(clock=clock)
                says = self.expect_ticket_refused(self.log_on(server), server, code, "clock-skew", confidence)
                self.assertIn(size, says)


class Caches(KerberosTestCase):
    def test_a_ticket_of_the_cache_is_accepted_and_there_is_nothing_to_delegate(self):
        server = self.acceptor()
        environment = self.realm.sign_in(self.environment)
        self.relay.messages.clear()
        run = self.log_on(server, "--auth", "kerberos", user=None, environment=environment)
        self.assertEqual((0, None, "handshake-complete", "nothing_to_delegate"),
                         (run.exit_code, run.ending, run.first_cause, run.report["run"]["own_stop"]["why"]))
        seen = server.dialogue()
        self.assertEqual(("alice@LAB.TEST", True, False), (seen["accepted"], seen["proof_is_right"], "delegated" in seen))
        self.expect_tries(0, ["AP-REQ"], server)

    def test_with_restricted_admin_it_goes_through(self):
        server = self.acceptor()
        environment = self.realm.sign_in(self.environment)
        self.relay.messages.clear()
        run = self.log_on(server, "--auth", "kerberos", "--restricted-admin", user=None, environment=environment)
        self.expect_complete(run, server, delegated=False)
        self.expect_tries(0, ["AP-REQ"], server)

    def test_without_being_asked_for_kerberos_the_cache_stays_closed(self):
        server = self.acceptor(ntlm=True)
        environment = self.realm.sign_in(self.environment)
        self.relay.messages.clear()
        run = self.log_on(server, user=None, environment=environment)
        self.assertEqual((0, []), (run.exit_code, self.relay.messages))
        server.connections()
        self.expect_tries(0, ["NEGOTIATE"], server)

    def test_an_expired_ticket_is_told_and_no_password_is_asked_for(self):
        with self.realm.kdc(clock="-20h") as past:
            cache = self.realm.sign_in(self.realm.client(past.port), clock="-20h")["KRB5CCNAME"]
        server = self.acceptor()
        run = self.log_on(server, "--auth", "kerberos", user=None, environment={**self.environment, "KRB5CCNAME": cache})
        says = self.expect_no_ticket(run, server, ("kerberos", "client", "unreachable"), "kerberos-unavailable", "likely")
        self.assertIn("Ticket expired", says)
        self.assertEqual(0, self.relay.tries)
