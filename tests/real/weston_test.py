"""Against weston's RDP backend, with a TLS key and with a key for Standard RDP Security only."""
import servers
from real_test_case import RealTestCase


class Weston(RealTestCase):
    def test_with_a_tls_key_it_takes_tls_and_refuses_nla_alone(self):
        pair = self.certificates["valid"]
        with servers.weston(self.folder, pair) as server:
            run = self.probe(server)
            self.expect_negotiation_as_tshark_says(run, server)
            self.expect_tls_as_tshark_says(run, server, pair)
            self.expect_complete(run)
            refused = self.probe(server, "--security", "nla")
        self.assertEqual({"code": 2, "name": "SSL_NOT_ALLOWED_BY_SERVER"}, refused.report["x224"]["failure"])
        self.assertEqual(("x224", "server", "failure_pdu"), refused.ending)

    def test_tls_1_2(self):
        pair = self.certificates["valid"]
        with servers.weston(self.folder, pair) as server:
            run = self.probe(server, "--tls-max", "1.2")
            self.expect_tls_as_tshark_says(run, server, pair)
        self.assertEqual("TLSv1.2", run.report["tls"]["version"])

    def test_without_a_tls_key_it_takes_standard_security_only(self):
        with servers.weston(self.folder, self.certificates["valid"], standard_security=True) as server:
            taken = self.probe(server, "--security", "rdp")
            refused = self.probe(server)
        self.assertEqual("RDP", taken.report["x224"]["selected_protocol"])
        self.assertEqual("legacy-security-only", refused.first_cause)
        self.assertEqual(("x224", "server", "failure_pdu"), refused.ending)
