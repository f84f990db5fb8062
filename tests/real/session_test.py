"""The whole sequence of MS-RDPBCGR 1.3.1.1 against real servers, to the font map and out again: under every level of
Standard RDP Security, inside TLS and behind NLA. What was settled is what tshark reads and what the server logged."""
import json
import re
import subprocess

import kdc
import observers
import rdpwhy
import servers
from real_test_case import RealTestCase

PASSWORD = kdc.PASSWORDS["alice"]
ALL_THE_WAY = ("--until", "finalization", "--create-session", "--request-license")
XRDP_KEYS = "/etc/xrdp/rsakeys.ini"  # of its package, made when it is installed
# crypt_level of xrdp: what it then settles (MS-RDPBCGR 5.3.1, 2.2.1.4.3)
LEVELS = {
    "none": ("ENCRYPTION_METHOD_NONE", "ENCRYPTION_LEVEL_NONE"),
    "low": ("ENCRYPTION_METHOD_40BIT", "ENCRYPTION_LEVEL_LOW"),
    "medium": ("ENCRYPTION_METHOD_40BIT", "ENCRYPTION_LEVEL_CLIENT_COMPATIBLE"),
    "high": ("ENCRYPTION_METHOD_128BIT", "ENCRYPTION_LEVEL_HIGH"),
    "fips": ("ENCRYPTION_METHOD_FIPS", "ENCRYPTION_LEVEL_FIPS"),
}


def numbers(values):
    return [int(value, 0) for value in values]


def sessions():
    """What would be left of a session on this machine: the X servers and session managers that run."""
    return sorted(subprocess.run(["ps", "-eo", "pid,comm"], check=True, capture_output=True, text=True).stdout.splitlines())


def of_sessions(lines):
    return [line for line in lines if re.search(r"Xorg|Xvnc|xrdp-ses|xrdp-chansrv", line)]


def connections_at(port):
    """Those that the server still has, half-closed ones too."""
    said = subprocess.run(["ss", "-tnH", f"( sport = :{port} )"], check=True, capture_output=True, text=True).stdout
    return [line for line in said.splitlines() if not line.startswith(("LISTEN", "TIME-WAIT"))]


class Session(RealTestCase):
    def expect_nothing_left(self, server):
        """The server is rid of the connection."""
        servers.until(lambda: not connections_at(server.port), f"the server is rid of the connection to port {server.port}")

    def expect_session(self, run, server, *, inside_tls):
        self.expect_nothing_left(server)
        self.assertEqual((None, "finalization", 0), (run.ending, run.report["reached"], run.exit_code), run.report["phases"])
        self.assertEqual("handshake-complete", run.first_cause)
        self.expect_mcs_as_tshark_says(run, server, inside_tls)
        self.assertEqual(1, len(run.said("Font Map")))

    def expect_mcs_as_tshark_says(self, run, server, inside_tls):
        client, theirs = observers.session(run.capture, server.port, run.key_log, inside_tls=inside_tls)
        mcs = run.report["mcs"]
        for name in ("build", "width", "height", "keyboard_layout"):
            self.assertEqual(numbers(client[name]), [mcs["client"][name]], name)
        self.assertEqual(client["name"], [mcs["client"]["name"]])
        for name in ("method", "level"):
            self.assertEqual(numbers(theirs[name]), [mcs["server"][f"encryption_{name}"]["code"]], name)
        self.assertEqual(numbers(theirs["io_channel"])[0], mcs["server"]["io_channel"])  # then the static ones, under the same name
        self.assertEqual(numbers(theirs["channel_count"]), [mcs["server"]["channels"]])
        self.assertEqual(numbers(theirs["message_channel"]), [v for v in [mcs["server"].get("message_channel")] if v])
        version = int(mcs["server"]["version"], 16)  # what stands first on the wire is the low half, which tshark calls major
        self.assertEqual((numbers(theirs["major"]), numbers(theirs["minor"])), ([version & 0xFFFF], [version >> 16]))
        if mcs["server"]["encryption_method"]["code"] == 0:  # else tshark has no keys
            self.assertEqual([40], [t for t in numbers(theirs["share_data_type"]) if t == 40], "Font Map")
            self.assertEqual([3], [t for t in numbers(client["share_type"]) if t == 3], "Confirm Active")
            self.assertEqual([len(run.report["capabilities"]["client"])], numbers(client["capabilities"]))
            # tshark takes a Demand Active for a Client Info where its length looks like the flags of one.
            if numbers(theirs["share_type"]).count(1) == 1:
                self.assertEqual([len(run.report["capabilities"]["server"])], numbers(theirs["capabilities"]))


class Xrdp(Session):
    def test_every_level_of_standard_security_reaches_the_font_map_with_every_mac_verified(self):
        for level, (method, name) in LEVELS.items():
            with self.subTest(level=level), \
                 servers.xrdp(self.folder, self.certificates["valid"], security="rdp", level=level) as server:
                before = of_sessions(sessions())
                run = self.probe(server, "--security", "rdp", *ALL_THE_WAY)
                self.assertEqual(before, of_sessions(sessions()))
                self.expect_session(run, server, inside_tls=False)
                settled = run.report["mcs"]["server"]
                self.assertEqual((method, name), (settled["encryption_method"]["name"], settled["encryption_level"]["name"]))
                log = server.own_log.read_text(errors="replace")
            self.assertNotIn("MAC", "".join(line for line in log.splitlines() if "ERROR" in line))
            self.assertIn("rdpwhy", log, "xrdp logs the name of the client")
            self.assertEqual([], [n for e in run.report["evidence"] for n in e["notes"] if "MAC" in n])
            self.assertEqual("skipped" if level == "none" else "passed", run.phases["security"])
            # Behind some of the desktop and of static channels, which are encrypted too.
            self.assertEqual(1, len(run.said("Shutdown Denied")), "that the last word is opened")

    def test_methods_that_are_asked_for_one_by_one_are_taken_as_its_log_says(self):
        methods = ["40", "56", "128", "fips", "none"]
        for level, (method, name) in LEVELS.items():
            with self.subTest(level=level), \
                 servers.xrdp(self.folder, self.certificates["valid"], security="rdp", level=level) as server:
                before = of_sessions(sessions())
                run = self.probe(server, "--security", "rdp", "--enumerate-encryption")
                self.assertEqual(before, of_sessions(sessions()))
                log = server.own_log.read_text(errors="replace")
            self.assertEqual(0, run.exit_code)
            asked = run.report["experiments"]
            self.assertEqual([f"encryption-{m}" for m in methods], [e["id"] for e in asked])
            for experiment in asked:
                self.assertEqual(("mcs", None), (experiment["reached"], experiment["failed"]))
                found = experiment["encryption"]
                self.assertEqual((method, name), (found["method"]["name"], found["level"]["name"]))
                self.assertEqual("taken" if found["offered"] == found["method"] else "another", found["answer"])
            # One line of its log for each connection, of which the first is the handshake's own, which offers all but none.
            agreed = ["do not both" not in line for line in log.splitlines() if "both support" in line]
            self.assertEqual([level != "none"] + [e["encryption"]["answer"] == "taken" for e in asked], agreed)

    def test_a_method_that_is_offered_alone_is_answered_as_tshark_says(self):
        with servers.xrdp(self.folder, self.certificates["valid"], security="rdp", level="high") as server:
            for method, bits in (("40", 1), ("128", 2), ("40,56,fips", 0x19), ("none", 0)):
                with self.subTest(method=method):
                    run = self.probe(server, "--security", "rdp", "--encryption-methods", method)
                    self.assertEqual(f"0x{bits:08x}", run.report["mcs"]["client"]["encryption_methods"])
                    self.expect_mcs_as_tshark_says(run, server, inside_tls=False)

    def test_inside_tls_no_method_is_asked_for(self):
        with servers.xrdp(self.folder, self.certificates["valid"], security="tls") as server:
            run = self.probe(server, "--enumerate-encryption")
        self.assertEqual((0, []), (run.exit_code, run.report["experiments"]))
        self.assertIn("did not settle on Standard RDP Security", run.talk)

    def test_its_key_opens_what_a_capture_without_secrets_holds(self):
        for level in ("low", "high", "fips"):
            with self.subTest(level=level), servers.xrdp(self.folder, security="rdp", level=level) as server:
                run = self.probe(server, "--security", "rdp", "--no-capture-secrets", *ALL_THE_WAY, replay_agrees=False)
                closed, = run.replays()
                self.assertEqual("security", closed["reached"])  # the Security Exchange itself is in the clear
                self.assertIn("encrypted", {p["status"] for p in closed["phases"]})
                code, said, _ = rdpwhy.done(self.folder, f"{run.name}-opened", "replay", "--json", "--rdp-key", XRDP_KEYS, run.capture)
                opened = json.loads(said)
                self.assertEqual((0, "finalization"), (code, opened["reached"]))
                self.assertEqual(rdpwhy.timeless(run.report)["evidence"], rdpwhy.timeless(opened)["evidence"])

    def test_inside_tls_it_reaches_the_font_map(self):
        for security in ("tls", "negotiate"):
            with self.subTest(security=security), \
                 servers.xrdp(self.folder, self.certificates["valid"], security=security) as server:
                run = self.probe(server, *ALL_THE_WAY)
                self.expect_session(run, server, inside_tls=True)

    def test_its_licence_request_is_reported_and_not_answered_without_a_word(self):
        with servers.xrdp(self.folder, self.certificates["valid"], security="tls") as server:
            run = self.probe(server, "--until", "finalization", "--create-session")
        self.assertEqual("license_not_requested", run.report["run"]["own_stop"]["why"])
        self.assertEqual((1, None), (run.exit_code, run.ending))
        self.assertEqual("unexplained", run.first_cause)
        self.assertIn("--request-license", str(run.report["diagnosis"]["causes"][0]["fix"]))
        self.assertEqual(0, len([e for e in run.report["evidence"] if e["by"] == "client" and "icens" in e["what"]]))

    def test_without_a_word_it_is_asked_for_its_connect_response_and_no_more(self):
        with servers.xrdp(self.folder, self.certificates["valid"], security="tls") as server:
            run = self.probe(server)
        self.assertEqual((0, None, "mcs"), (run.exit_code, run.ending, run.report["reached"]))
        self.assertEqual([], run.said("Attach User") + run.said("Client Info"))
        replayed, = run.replays()
        self.assertEqual(("mcs", None), (replayed["reached"], replayed["failed"]), "to leave there is no failure")


class Shadow(Session):
    passwords = {PASSWORD}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.display = cls.enterClassContext(servers.display(cls.folder))

    def server(self, *arguments):
        return servers.shadow(self.folder, self.certificates["valid"], self.display, *arguments)

    def test_standard_security_which_it_does_not_encrypt_for_neighbours(self):
        with self.server("/sec:rdp") as server:
            run = self.probe(server, "--security", "rdp", *ALL_THE_WAY)
            self.expect_session(run, server, inside_tls=False)
        self.assertEqual("ENCRYPTION_METHOD_NONE", run.report["mcs"]["server"]["encryption_method"]["name"])

    def test_inside_tls(self):
        with self.server("/sec:tls") as server:
            self.expect_session(self.probe(server, *ALL_THE_WAY), server, inside_tls=True)

    def test_behind_nla_with_the_session_of_the_user(self):
        sam = servers.sam_file(self.folder, "alice", PASSWORD)
        with self.server("/sec:nla", "+auth", f"/sam-file:{sam}") as server:
            run = self.probe(server, "--user", "alice", "--password-file", self.password_file(PASSWORD), "--auth", "ntlm",
                             "--until", "finalization")
            self.expect_session(run, server, inside_tls=True)
        self.assertEqual(1, len(run.said("NTLM AUTHENTICATE")))
