"""What every test against a real server does with a run: compare it with strangers' opinions and with its own replay."""
import contextlib
import hashlib
import os
import signal
import socket
import subprocess

import observers
import rdpwhy
from certificates import Certificates
from leaks import Watched, look, outputs_of, secrets_of, write_core

VERSIONS = {0x0301: "TLSv1.0", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}
GROUPS = {0x0017: "secp256r1", 0x0018: "secp384r1", 0x0019: "secp521r1", 0x001D: "x25519", 0x001E: "x448"}


class RealTestCase(Watched):
    maxDiff = 3000

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.certificates = Certificates(cls.folder / "certificates")

    def probe(self, server, *arguments, address="127.0.0.1", replay_agrees=True, **how):
        run = rdpwhy.Run(self.folder, f"{address}:{server.port}", *arguments,
                         anchors=self.certificates.root, **how)
        if replay_agrees:
            self.expect_replay_agrees(run)
        self.assertEqual([], observers.complaints(run.capture), "tshark complains of our framing")
        return run

    def expect_replay_agrees(self, run):
        """Invariant I4: the replay of a live run's capture gives the same evidence."""
        live, replays = rdpwhy.timeless(run.report), [rdpwhy.timeless(r) for r in run.replays()]
        self.assertEqual(1, len(replays), "connections in the capture of one run")
        replayed = replays[0]
        if live["reached"] == "kerberos":  # our talk with a KDC is in no capture of the connection
            live["reached"] = "tls"
        if live["failed"] and live["failed"]["phase"] == "kerberos":
            live["failed"] = {}
        if not live["failed"] and replayed["failed"]:
            # We stopped as asked, and the server went on to leave: only the live run knows what was asked.
            self.assertNotIn(replayed["failed"]["phase"], ("tcp", "x224", "tls"))
            replayed["failed"] = {}
        if live["failed"] and live["failed"]["phase"] == "tcp" and live["failed"]["ending"]["how"] == "timeout":
            # A SYN is unanswered in both; that we waited longer than the file lasts is not in the file.
            self.assertEqual("capture_end", replayed["failed"]["ending"].pop("how"))
            live["failed"]["ending"].pop("how")
            self.assertEqual(["connection request unanswered", "end of capture"],
                             [side["evidence"].pop()["what"] for side in (live, replayed)])
        if live["failed"] and live["failed"]["phase"] != "tcp" and live["failed"]["ending"]["how"] == "unreachable":
            # The kernel told of an ICMP error and kept the message: our file holds only the silence.
            self.assertEqual({"by": "client", "how": "timeout"}, replayed["failed"]["ending"])
            live["failed"] = replayed["failed"] = {}
        for part in live:
            self.assertEqual(live[part], replayed[part], f"{part}: live and replay")

    @contextlib.contextmanager
    def running(self, target, *arguments, environment=None):
        """The program while it waits for a server; interrupted in the end."""
        if os.geteuid() != 0:
            self.skipTest("skipped: the memory of a program that is not dumpable is root's alone")
        command = [rdpwhy.PROGRAM, "--json", "--no-experiments", "--timeout", "60", *map(str, arguments), target]
        with open(outputs_of(self.folder) / "running.json", "ab") as said, open(outputs_of(self.folder) / "running.talk", "ab") as talk:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=talk, env={**os.environ, **(environment or {})})
            try:
                yield process
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(timeout=rdpwhy.TIMEOUT)

    def expect_no_password_in_a_core(self, server, password, *arguments, address="127.0.0.1", environment=None):
        """Of a run that has had its attempt and waits for the result (`server` is a silent Acceptor), nor of what it leaves."""
        file = secrets_of(self.folder) / "one.password"  # its name stands in the memory as well, and has nothing of it
        file.write_text(password, encoding="utf-8")
        arguments += ("--password-file", file, "--until", "authorization")
        with self.running(f"{address}:{server.port}", *arguments, environment=environment) as process:
            self.assertEqual([{"waits": True}], server.connections())
            core = outputs_of(self.folder) / f"core.{process.pid}"
            write_core(process.pid, core)
        self.assertTrue(server.connections(2)[1]["delegated"]["password_is_right"], "the attempt was made")
        self.assertIn(b"TERMSRV/", core.read_bytes(), "memory of that run was read")
        self.assertEqual((1, []), look([core], [password]))
        # The same search finds it in a run that has not had its attempt yet.
        with socket.create_server(("127.0.0.1", 0)) as silent:
            target = f"{address}:{silent.getsockname()[1]}"
            with self.running(target, *arguments, environment=environment) as process:
                silent.settimeout(rdpwhy.TIMEOUT)
                with silent.accept()[0]:
                    core = secrets_of(self.folder) / f"core.{process.pid}"
                    write_core(process.pid, core)
        self.assertNotEqual([], look([core], [password])[1])

    def expect_tls_as_tshark_says(self, run, server, pair):
        """Version, suite, group and certificate are those that tshark and openssl see."""
        seen, tls = observers.tls(run.capture, server.port, run.key_log), run.report["tls"]
        self.assertEqual(VERSIONS[seen.version], tls["version"])
        self.assertEqual(seen.cipher, tls["cipher"]["code"])
        self.assertEqual(GROUPS.get(seen.group), tls.get("group"))
        self.assertIsNotNone(seen.cipher)
        self.expect_certificate_as_openssl_says(run, pair)
        self.assertEqual([c["sha256"] for c in tls["certificates"]],
                         [hashlib.sha256(c).hexdigest() for c in seen.certificates])

    def expect_certificate_as_openssl_says(self, run, pair):
        ours, theirs = run.report["tls"]["certificates"][0], observers.openssl_certificate(pair.certificates)
        for name in ("subject", "issuer", "signature_algorithm", "sha1", "sha256"):
            self.assertEqual(theirs[name], ours[name], name)
        self.assertEqual(theirs["serial"], ours["serial"].lower().lstrip("0"))
        self.assertEqual(theirs["not_before"][:19], ours["not_before"][:19])
        self.assertEqual(theirs["not_after"][:19], ours["not_after"][:19])
        if theirs["bits"]:
            self.assertEqual(theirs["bits"], ours["key"]["bits"])

    def expect_negotiation_as_tshark_says(self, run, server):
        seen, x224 = observers.negotiation(run.capture, server.port), run.report["x224"]
        bits = {"SSL": 1, "HYBRID": 2, "RDSTLS": 4, "HYBRID_EX": 8, "RDSAAD": 16}
        if "requested" in seen:
            self.assertEqual(seen["requested"], sum(bits[p] for p in x224["requested_protocols"]))
        if "selected" in seen:
            self.assertEqual(seen["selected"], bits.get(x224["selected_protocol"], 0))
        if "failure" in seen:
            self.assertEqual(seen["failure"], x224["failure"]["code"])

    def expect_complete(self, run):
        self.assertEqual("mcs", run.report["reached"], run.report.get("failed"))
        self.assertIsNone(run.report.get("failed"))
        self.assertEqual("handshake-complete", run.first_cause)
        self.assertEqual(0, run.exit_code)
