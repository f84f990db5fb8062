"""The servers of `rdpwhy lab`, met from outside: every scenario's capture replays to what the live run said, tshark reads the
same in it, every errorCode has its cause live, and a client that is not ours gets in."""
import concurrent.futures
import itertools
import re
import subprocess

import observers
import rdpwhy
import servers
from real_test_case import VERSIONS, RealTestCase

PASSWORD = "Zwischen-Tuer-und-Angel-7"  # the lab is told it: its own one is no secret, it stands in --help
SIDE_BY_SIDE = 4  # those that stay silent wait for their deadlines
STARTED = itertools.count(1)

# TSRequest.errorCode (MS-CSSP 2.2.1), which account or policy it names, and how sure that makes us.
ERROR_CODES = {
    "STATUS_LOGON_FAILURE": ("logon-failure", "certain"),
    "STATUS_WRONG_PASSWORD": ("logon-failure", "certain"),
    "STATUS_NO_SUCH_USER": ("logon-failure", "certain"),
    "STATUS_PASSWORD_EXPIRED": ("password-expired", "certain"),
    "STATUS_PASSWORD_MUST_CHANGE": ("password-must-change", "certain"),
    "STATUS_ACCOUNT_DISABLED": ("account-disabled", "certain"),
    "STATUS_ACCOUNT_EXPIRED": ("account-expired", "certain"),
    "STATUS_ACCOUNT_LOCKED_OUT": ("account-locked-out", "certain"),
    "STATUS_ACCOUNT_RESTRICTION": ("account-restriction", "certain"),
    "STATUS_INVALID_LOGON_HOURS": ("account-restriction", "certain"),
    "STATUS_INVALID_WORKSTATION": ("account-restriction", "certain"),
    "STATUS_SMARTCARD_LOGON_REQUIRED": ("account-restriction", "likely"),
    "STATUS_AUTHENTICATION_FIREWALL_FAILED": ("account-restriction", "likely"),
    "STATUS_LOGON_TYPE_NOT_GRANTED": ("logon-type-not-granted", "certain"),
    "STATUS_NTLM_BLOCKED": ("ntlm-blocked", "certain"),
    "STATUS_NOT_SUPPORTED": ("ntlm-blocked", "likely"),
    "SEC_E_UNSUPPORTED_FUNCTION": ("ntlm-blocked", "likely"),
    "STATUS_NO_LOGON_SERVERS": ("no-logon-servers", "certain"),
    "STATUS_TRUSTED_DOMAIN_FAILURE": ("no-logon-servers", "certain"),
    "STATUS_TRUSTED_RELATIONSHIP_FAILURE": ("no-logon-servers", "certain"),
    "STATUS_NETLOGON_NOT_STARTED": ("no-logon-servers", "certain"),
    "SEC_E_NO_AUTHENTICATING_AUTHORITY": ("no-logon-servers", "certain"),
    "STATUS_TIME_DIFFERENCE_AT_DC": ("clock-skew", "certain"),
    "SEC_E_TIME_SKEW": ("clock-skew", "certain"),
    "SEC_E_LOGON_DENIED": ("logon-failure", "certain"),
    "SEC_E_BAD_BINDINGS": ("intermediary-cannot-complete-credssp", "likely"),
    "STATUS_ACCESS_DENIED": ("unexplained", "possible"),
    "STATUS_DOWNGRADE_DETECTED": ("unexplained", "possible"),
    "STATUS_PKINIT_FAILURE": ("unexplained", "possible"),
    "STATUS_SMARTCARD_WRONG_PIN": ("unexplained", "possible"),
    "STATUS_SMARTCARD_CARD_BLOCKED": ("unexplained", "possible"),
    "STATUS_SMARTCARD_CERT_EXPIRED": ("unexplained", "possible"),
    "STATUS_KDC_CERT_EXPIRED": ("unexplained", "possible"),
    "STATUS_KDC_CERT_REVOKED": ("unexplained", "possible"),
    "0xC0990099": ("unexplained", "possible"),  # which no table knows
}


# What is malformed on purpose is malformed to tshark as well.
MALFORMED = ("tsrequest-truncated", "tsrequest-length-lies", "tsrequest-huge", "tsrequest-large-token", "challenge-without-target-info")


def scenarios():
    """The names of `lab --list`, without the numbers that may follow."""
    listed = subprocess.run([rdpwhy.PROGRAM, "lab", "--list"], check=True, capture_output=True, text=True).stdout
    return [match[1] for line in listed.splitlines() if (match := re.match(r"([^ \[]+)(\[:\w+\])? ", line))]


class Lab(RealTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.secret = cls.password_file(PASSWORD)

    def server(self, scenario):
        outputs = self.folder / f"lab-{next(STARTED)}"
        outputs.mkdir()
        return servers.lab(outputs, rdpwhy.PROGRAM, scenario, "--user", "alice", "--password-file", self.secret)

    def meet(self, scenario, *arguments):
        """One run against one scenario, as far as it goes; no session stands behind the lab."""
        with self.server(scenario) as server:
            run = rdpwhy.Run(self.folder, f"127.0.0.1:{server.port}", "--no-experiments", "--user", "alice", "--password-file",
                             self.secret, "--auth", "ntlm", *arguments, anchors=self.certificates.root)
        run.port, run.scenario = server.port, scenario
        return run

    def all_of(self, names, *arguments):
        with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            yield from pool.map(lambda name: self.meet(name, *arguments), names)


class EveryScenario(Lab):
    """Each is met once, all the way as far as it lets us go; every test looks at the same runs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.runs = list(cls().all_of(scenarios(), "--until", "finalization", "--request-license"))

    def expect_of_each(self, expectation):
        for run in self.runs:
            with self.subTest(scenario=run.scenario):
                expectation(run)

    def test_the_list_is_not_empty(self):
        self.assertGreater(len(self.runs), 90)

    def test_a_replay_of_its_capture_has_the_same_evidence_and_the_same_first_cause(self):
        self.compared = 0
        self.expect_of_each(self.expect_same_cause)
        self.assertGreater(self.compared, len(self.runs) * 3 / 4, "scenarios whose causes were compared")

    def expect_same_cause(self, run):
        replays = run.replays()
        if not replays:  # a connection without one octet, which is known as RDP by its port alone
            self.assertEqual(0, len(run.said("X.224 Connection Confirm")))
            return self.assertIn(run.scenario, ("closes-at-once", "resets-at-once"))
        self.expect_replay_agrees(run)
        live, replayed = run.report["diagnosis"]["causes"], replays[0]["diagnosis"]["causes"]
        if self.ended_within_a_round_trip(run.report, replays[0]):
            return  # a busy machine makes the capture's round trip long: then no answer of the server can have been so fast
        self.compared += 1
        if run.ending and run.ending[1] == "client":  # what our side computed and left for is in no capture
            return self.assertTrue({cause["id"] for cause in live} & {cause["id"] for cause in replayed} or replayed[0]["id"] == "unexplained")
        if live[0]["confidence"] == "possible" == replayed[0]["confidence"]:  # rivals of one rank; times may turn them round
            return self.assertEqual({cause["id"] for cause in live}, {cause["id"] for cause in replayed})
        self.assertEqual(live[0]["id"], replayed[0]["id"])
        if run.ending and run.ending[1] == "server":  # how far a client wanted to go and why it left is in no capture
            self.assertEqual(live[0]["confidence"], replayed[0]["confidence"])

    def ended_within_a_round_trip(self, *reports):
        tcp = [phase["ms"] for report in reports for phase in report["phases"] if phase["phase"] == "tcp" and "ms" in phase]
        failed = [report["failed"] for report in reports if report.get("failed")]
        soon = [f["ending"]["after_ms"] for f in failed  # only there does a rule ask how fast the server left
                if f["phase"] in ("x224", "tls") and f["ending"]["how"] in ("close", "reset") and "after_ms" in f["ending"]]
        return bool(soon) and min(soon) <= max(tcp, default=0)

    def test_the_password_is_tried_once_at_most(self):
        self.expect_of_each(lambda run: self.assertLessEqual(len(run.said("NTLM AUTHENTICATE")), 1))

    def test_tshark_reads_the_same_negotiation_and_tls_in_it(self):
        """Both passes over all captures at once: a decoder that is told a port reads it one way only."""
        merged, keys = self.folder / "merged.pcapng", self.folder / "merged.keys"
        servers.require("mergecap")
        subprocess.run(["mergecap", "-w", merged, *(run.capture for run in self.runs)], check=True)
        keys.write_text("".join(run.key_log.read_text() for run in self.runs))
        odd = [run.port for run in self.runs if run.scenario in MALFORMED]
        self.assertEqual(len(MALFORMED), len(odd))
        self.assertEqual([], observers.complaints(merged, but_of=odd), "tshark complains of our framing")
        ports = {str(run.port) for run in self.runs}
        negotiations = observers.negotiations(merged, ports)
        handshakes = observers.tls_of_all(merged, ports, keys)
        self.expect_of_each(lambda run: self.expect_negotiation(run, negotiations[str(run.port)]))
        self.expect_of_each(lambda run: self.expect_tls(run, handshakes[str(run.port)]))
        self.assertGreater(sum(facts.version is not None for facts in handshakes.values()), 50, "that tshark reads TLS at all")

    def expect_negotiation(self, run, seen):
        bits = {"SSL": 1, "HYBRID": 2, "RDSTLS": 4, "HYBRID_EX": 8, "RDSAAD": 16}
        x224 = run.report.get("x224") or {}
        if run.scenario.endswith("-banner"):  # tshark reads no request behind a banner that was faster
            return
        requested = x224.get("requested_protocols")  # None: the server had left before it was asked
        self.assertEqual(seen.get("requested"), requested and sum(bits[name] for name in requested))
        if "selected" in seen:
            self.assertEqual(seen["selected"], bits.get(x224["selected_protocol"], 0))
        self.assertEqual(seen.get("failure"), (x224.get("failure") or {}).get("code"))

    def expect_tls(self, run, seen):
        tls = run.report.get("tls") or {}
        if seen.version is None:
            self.assertNotIn("cipher", tls)
        else:
            self.assertEqual((VERSIONS[seen.version], seen.cipher), (tls["version"], tls["cipher"]["code"]))


class StandardSecurity(Lab):
    def test_what_was_settled_is_what_tshark_reads_and_the_file_opens_with_every_mac_right(self):
        for bits, method, level in ((40, 1, 2), (56, 8, 2), (128, 2, 3), (168, 16, 4)):
            with self.subTest(bits=bits), self.server(f"standard-security:{bits}") as server:
                run = rdpwhy.Run(self.folder, f"127.0.0.1:{server.port}", "--security", "rdp", "--until", "finalization", "--create-session",
                                 anchors=self.certificates.root)  # nobody logs on where there is no NLA
                self.assertEqual(("finalization", 0), (run.report["reached"], run.exit_code))
                _, theirs = observers.session(run.capture, server.port, run.key_log, inside_tls=False)
                self.assertEqual(([method], [level]), ([int(v, 0) for v in theirs["method"]], [int(v, 0) for v in theirs["level"]]))
                self.assertEqual(method, run.report["mcs"]["server"]["encryption_method"]["code"])
                self.expect_replay_agrees(run)
                self.assertEqual([], [note for e in run.report["evidence"] for note in e["notes"]])


class EveryErrorCode(Lab):
    def test_live_it_has_its_cause_first_and_the_password_is_tried_once(self):
        runs = self.all_of([f"credssp-error:{name}" for name in ERROR_CODES], "--until", "credssp")
        for (name, expected), run in zip(ERROR_CODES.items(), runs):
            with self.subTest(code=name):
                first = run.report["diagnosis"]["causes"][0]
                self.assertEqual(expected, (first["id"], first["confidence"]))
                self.assertIn(name.lower(), first["says"].lower())
                self.assertEqual(1, len(run.said("NTLM AUTHENTICATE")))
                self.assertEqual(("credssp", "server", "failure_pdu"), run.ending)


class EveryAlert(Lab):
    def test_a_refusal_by_alert_names_no_password_that_expired_and_tries_none_twice(self):
        alerts = {"49": "likely", "80": "possible"}  # access_denied, internal_error
        for (code, confidence), run in zip(alerts.items(), self.all_of([f"credssp-alert:{code}" for code in alerts], "--until", "credssp")):
            with self.subTest(alert=code):
                causes = run.report["diagnosis"]["causes"]
                self.assertEqual(("credentials-refused-without-reason", confidence), (causes[0]["id"], causes[0]["confidence"]))
                self.assertFalse({"password-expired", "password-must-change"} & {cause["id"] for cause in causes})
                self.assertEqual(("credssp", "server", "alert"), run.ending)
                self.assertEqual(1, len(run.said("NTLM AUTHENTICATE")))
                self.assertEqual(int(code), run.report["tls"]["alerts"][0]["code"])


class AClientThatIsNotOurs(Lab):
    """FreeRDP authenticates through NLA as it would against Windows."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        servers.require("xfreerdp")
        cls.display = cls.enterClassContext(servers.display(cls.folder))

    def log_on(self, scenario, password):
        """(exit code, what the client said, what the lab counted)."""
        with self.server(scenario) as server:
            # The client has no other way: /from-stdin asks a terminal.
            command = ["xfreerdp", f"/v:127.0.0.1:{server.port}", "/u:alice", f"/p:{password}", "/sec:nla", "/cert:ignore", "+auth-only"]
            client = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                                    timeout=rdpwhy.TIMEOUT, env={"DISPLAY": self.display, "HOME": str(self.folder), "PATH": "/usr/bin:/bin"})
        counted = re.search(r"logons tried: (\d+), with the right password: (\d+), credentials received: (\d+)",
                            server.log.read_text(errors="replace"))
        return client.returncode, client.stdout + client.stderr, tuple(map(int, counted.groups()))

    def test_the_right_password_is_proved_and_delegated_and_a_wrong_one_is_not(self):
        for scenario in ("nla", "nla-hybrid", "nla-version:2", "nla-version:5"):
            with self.subTest(scenario=scenario):
                self.assertEqual((1, 1, 1), self.log_on(scenario, PASSWORD)[2])
        with self.subTest("wrong password"):
            tried, proved, delegated = self.log_on("nla", "not it")[2]
            self.assertEqual((1, 0, 0), (tried, proved, delegated))

    def test_it_understands_standard_security_with_every_method(self):
        for scenario, code in [(f"standard-security:{bits}", 0) for bits in (40, 56, 128, 168)] + [("standard-security-other-keys", None)]:
            with self.subTest(scenario=scenario), self.server(scenario) as server:
                command = ["xfreerdp", f"/v:127.0.0.1:{server.port}", "/u:alice", "/p:none", "/sec:rdp", "/cert:ignore", "+auth-only"]
                client = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=rdpwhy.TIMEOUT,
                                        env={"DISPLAY": self.display, "HOME": str(self.folder), "PATH": "/usr/bin:/bin"})
                if code == 0:
                    self.assertEqual(0, client.returncode, client.stderr)  # it goes through activation
                else:
                    self.assertNotEqual(0, client.returncode)

    def test_it_reads_an_errorcode_as_we_do(self):
        for name in ("STATUS_LOGON_FAILURE", "STATUS_PASSWORD_EXPIRED", "STATUS_ACCOUNT_LOCKED_OUT", "STATUS_ACCOUNT_DISABLED"):
            with self.subTest(code=name):
                self.assertIn(name, self.log_on(f"credssp-error:{name}", PASSWORD)[1])
