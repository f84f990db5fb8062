"""Faults of the network between us and a real xrdp on port 3389, each told from the others."""
import network
import rdpwhy
import servers
from real_test_case import RealTestCase

PORT = 3389
TO_SERVER = ["INPUT", "-p", "tcp", "--dport", str(PORT)]
TO_CLIENT = ["OUTPUT", "-p", "tcp", "--sport", str(PORT)]
REQUEST = ["-m", "string", "--algo", "bm", "--hex-string", "|0100080003000000|"]  # RDP_NEG_REQ: SSL, HYBRID
CONFIRM = ["-m", "string", "--algo", "bm", "--hex-string", "|030000130ed0|"]
CLIENT_HELLO = ["-m", "string", "--algo", "bm", "--hex-string", "|160301|"]
OFFER = ("--security", "tls,nla")


class Faults(RealTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.wire = cls.enterClassContext(network.Wire())
        cls.xrdp = cls.enterClassContext(servers.xrdp(
            cls.folder, cls.certificates["valid"], security="tls", namespace=cls.wire.server, address=network.SERVER, port=PORT))

    def expect(self, ending, cause, *rules, address=network.SERVER, timeout="2", replay_agrees=True):
        with self.wire.rules(*rules):
            run = self.probe(self.xrdp, *OFFER, "--timeout", timeout, address=address, namespace=self.wire.client,
                             replay_agrees=replay_agrees)
        self.assertEqual(ending, run.ending)
        self.assertEqual(cause, run.first_cause)
        self.assertEqual(1, run.exit_code)
        return run

    def test_no_fault(self):
        run = self.probe(self.xrdp, *OFFER, address=network.SERVER, namespace=self.wire.client)
        self.expect_complete(run)
        self.assertEqual([], run.report["tls"]["certificate_problems"])

    def test_a_dropped_syn(self):
        self.expect(("tcp", "network", "timeout"), "port-filtered", [*TO_SERVER, "--syn", "-j", "DROP"])

    def test_a_dropped_answer_to_the_syn(self):
        self.expect(("tcp", "network", "timeout"), "port-filtered",
                    [*TO_CLIENT, "--tcp-flags", "SYN,ACK", "SYN,ACK", "-j", "DROP"])

    def test_a_reset_as_answer_to_the_syn(self):
        self.expect(("tcp", "server", "refused"), "port-closed", [*TO_SERVER, "-j", "REJECT", "--reject-with", "tcp-reset"])

    def expect_icmp(self, kind, cause):
        run = self.expect(("tcp", "network", "unreachable"), cause, [*TO_SERVER, "-j", "REJECT", "--reject-with", kind])
        self.assertTrue(any("ICMP" in e["what"] for e in run.report["evidence"]), run.report["evidence"])

    def test_icmp_administratively_prohibited(self):
        self.expect_icmp("icmp-admin-prohibited", "port-filtered")

    def test_icmp_host_prohibited(self):
        self.expect_icmp("icmp-host-prohibited", "port-filtered")

    def test_icmp_net_prohibited(self):
        self.expect_icmp("icmp-net-prohibited", "port-filtered")

    def test_icmp_host_unreachable(self):
        self.expect_icmp("icmp-host-unreachable", "host-unreachable")

    def test_icmp_net_unreachable(self):
        self.expect_icmp("icmp-net-unreachable", "host-unreachable")

    def test_icmp_port_unreachable_is_no_refusal_by_tcp(self):
        self.expect_icmp("icmp-port-unreachable", "port-filtered")

    def expect_nothing_sent(self, run):
        self.assertTrue(all(e.get("live_only") for e in run.report["evidence"]), run.report["evidence"])
        self.assertEqual([], run.replays(), "connections in the capture of an attempt without a packet")

    def test_no_route(self):
        self.expect_nothing_sent(self.expect(("tcp", "network", "unreachable"), "host-unreachable", address="203.0.113.9",
                                             replay_agrees=False))

    def test_nobody_answers_arp(self):
        self.expect(("tcp", "network", "unreachable"), "host-unreachable", address=network.NOBODY, timeout="8",
                    replay_agrees=False)

    def test_our_own_machine_forbids_it(self):
        self.wire.client_route("prohibit", "10.77.8.0/24")
        self.expect_nothing_sent(self.expect(("tcp", "client", "unreachable"), "local-policy-blocks", address="10.77.8.8",
                                             replay_agrees=False))

    def expect_icmp_when_connected(self, phase, pattern, kind, causes):
        """The kernel tells a program no more than that there was an error; tcpdump sees which, and so does the replay."""
        capture = self.folder / f"watched-{phase}-{kind}.pcap"
        with self.wire.watched(capture):
            run = self.expect((phase, "network", "unreachable"), causes[0], [*TO_SERVER, *pattern, "-j", "REJECT", "--reject-with", kind])
        told = [e for e in run.report["evidence"] if "ICMP" in e["what"]]
        self.assertEqual(1, len(told), "however often the packet was repeated")
        self.assertTrue(told[0]["live_only"])
        ours = run.report["run"]["local_address"]  # beside it the server may still repeat what it owes to earlier ones
        (watched,) = [r for r in rdpwhy.replays(self.folder, capture, self.certificates.root) if r["source"]["client"] == ours]
        self.assertEqual((phase, {"by": "network", "how": "unreachable"}),
                         (watched["failed"]["phase"], {k: v for k, v in watched["failed"]["ending"].items() if k != "after_ms"}))
        self.assertEqual(causes[1], watched["diagnosis"]["causes"][0]["id"])

    def test_a_connection_request_that_icmp_answers(self):
        self.expect_icmp_when_connected("x224", REQUEST, "icmp-host-unreachable", ("host-unreachable", "host-unreachable"))

    def test_a_client_hello_that_is_prohibited(self):
        self.expect_icmp_when_connected("tls", CLIENT_HELLO, "icmp-admin-prohibited", ("host-unreachable", "port-filtered"))

    def test_a_client_hello_that_a_filter_rejects(self):
        self.expect_icmp_when_connected("tls", CLIENT_HELLO, "icmp-port-unreachable", ("port-filtered", "port-filtered"))

    def test_a_connection_request_that_is_swallowed(self):
        self.expect(("x224", "client", "timeout"), "server-not-answering", [*TO_SERVER, *REQUEST, "-j", "DROP"])

    def test_a_connection_request_that_is_answered_by_a_reset(self):
        self.expect(("x224", "server", "reset"), "refused-after-connection-request",
                    [*TO_SERVER, *REQUEST, "-j", "REJECT", "--reject-with", "tcp-reset"])

    def test_a_connection_confirm_that_is_swallowed(self):
        self.expect(("x224", "client", "timeout"), "server-not-answering", [*TO_CLIENT, *CONFIRM, "-j", "DROP"])

    def test_a_client_hello_that_is_swallowed(self):
        run = self.expect(("tls", "client", "timeout"), "stalled", [*TO_SERVER, *CLIENT_HELLO, "-j", "DROP"])
        self.assertEqual("client_hello", run.report["failed"]["after"])
        self.assertGreaterEqual(run.report["failed"]["ending"]["after_ms"], 300)

    def test_a_client_hello_that_is_answered_by_a_reset(self):
        run = self.expect(("tls", "server", "reset"), "server-private-key-unreadable",
                          [*TO_SERVER, *CLIENT_HELLO, "-j", "REJECT", "--reject-with", "tcp-reset"])
        self.assertNotEqual("certain", run.report["diagnosis"]["causes"][0]["confidence"])
