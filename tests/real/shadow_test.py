"""Against FreeRDP's shadow server: it refuses by failure code, and sends the leaf certificate alone."""
import servers
from real_test_case import RealTestCase

FAILURES = {1: ("SSL_REQUIRED_BY_SERVER", "tls-required"), 2: ("SSL_NOT_ALLOWED_BY_SERVER", "legacy-security-only"),
            5: ("HYBRID_REQUIRED_BY_SERVER", "nla-required")}


class Shadow(RealTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.display = cls.enterClassContext(servers.display(cls.folder))

    def server(self, *arguments, pair="valid"):
        return servers.shadow(self.folder, self.certificates[pair], self.display, *arguments)

    def expect_answers(self, server, answers):
        for offer, answer in answers.items():
            with self.subTest(offer=offer):
                run = self.probe(server, "--security", offer)
                self.expect_negotiation_as_tshark_says(run, server)
                if isinstance(answer, int):
                    name, cause = FAILURES[answer]
                    self.assertEqual({"code": answer, "name": name}, run.report["x224"]["failure"])
                    self.assertEqual(("x224", "server", "failure_pdu"), run.ending)
                    self.assertEqual(cause, run.first_cause)
                else:
                    self.assertEqual(answer, run.report["x224"]["selected_protocol"])
                    self.assertIsNone(run.ending)
                    self.assertEqual("tls" if answer == "HYBRID" else "mcs", run.report["reached"])

    def test_nla_only_refuses_all_offers_without_it(self):
        with self.server("/sec:nla", "+auth", f"/sam-file:{servers.sam_file(self.folder, 'alice', 'LabPass1!')}") as server:
            self.expect_answers(server, {"rdp": 5, "tls": 5, "nla": "HYBRID", "tls,nla": "HYBRID", "ext": 5, "none": 5})

    def test_tls_only_refuses_all_offers_without_it(self):
        with self.server("/sec:tls") as server:
            self.expect_answers(server, {"rdp": 1, "tls": "SSL", "nla": 1, "tls,nla": "SSL", "ext": 1, "none": 1})

    def test_standard_security_only_refuses_tls(self):
        with self.server("/sec:rdp") as server:
            self.expect_answers(server, {"rdp": "RDP", "tls": 2, "nla": 2, "tls,nla": 2, "none": "RDP"})

    def test_its_default_takes_standard_security_and_tls(self):
        with self.server("-auth") as server:
            self.expect_answers(server, {"rdp": "RDP", "tls": "SSL", "nla": 2, "tls,nla": "SSL"})

    def expect_tls(self, name, problems, *arguments):
        with self.server("/sec:tls", pair=name) as server:
            run = self.probe(server, *arguments)
            self.expect_tls_as_tshark_says(run, server, self.certificates[name])
        self.expect_complete(run)
        self.assertEqual(problems, run.report["tls"]["certificate_problems"])
        return run.report["tls"]

    def test_tls_1_3_with_the_leaf_alone(self):
        self.assertEqual("TLSv1.3", self.expect_tls("valid", ["missing_intermediate"])["version"])

    def test_tls_1_2(self):
        self.assertEqual("TLSv1.2", self.expect_tls("valid", ["missing_intermediate"], "--tls-max", "1.2")["version"])

    def test_an_expired_certificate(self):
        self.expect_tls("expired", ["expired", "missing_intermediate"])

    def test_an_elliptic_key(self):
        self.assertEqual("EC", self.expect_tls("ec256", ["missing_intermediate"])["certificates"][0]["key"]["type"])

    def test_a_sha1_certificate_makes_it_leave_when_tls_is_due(self):
        with self.server("/sec:tls", pair="sha1") as server:
            run = self.probe(server)
        self.assertEqual("tls", run.report["failed"]["phase"])
        self.assertEqual("server", run.report["failed"]["ending"]["by"])
        # It fails while it prepares TLS, and may be gone before it could read a ClientHello: told apart by what was sent.
        expected = {"client_hello": "server-private-key-unreadable", "connection_confirm": "refused-after-connection-request"}
        self.assertIn(run.report["failed"]["after"], expected)
        self.assertIn(expected[run.report["failed"]["after"]], [c["id"] for c in run.report["diagnosis"]["causes"]])
