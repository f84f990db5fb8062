"""Through real proxies: the handshake behind them is the same, and their own refusals are told as theirs."""
import servers
from real_test_case import RealTestCase


class Proxies(RealTestCase):
    def expect_handshake_through(self, proxy_url, target):
        run = self.probe(target, "--proxy", proxy_url, replay_agrees=False)
        self.expect_complete(run)
        self.assertEqual("TLSv1.3", run.report["tls"]["version"])

    def test_http_connect(self):
        with servers.xrdp(self.folder, self.certificates["valid"], security="tls") as target:
            with servers.tinyproxy(self.folder, target.port) as proxy:
                self.expect_handshake_through(f"http://127.0.0.1:{proxy.port}", target)

    def test_socks5(self):
        with servers.xrdp(self.folder, self.certificates["valid"], security="tls") as target:
            with servers.danted(self.folder) as proxy:
                self.expect_handshake_through(f"socks5://127.0.0.1:{proxy.port}", target)

    def expect_no_handshake(self, run):
        self.assertEqual(1, run.exit_code)
        self.assertNotIn(run.report["reached"], ("x224", "tls"))
        self.assertNotEqual("handshake-complete", run.first_cause)

    def test_a_port_that_the_proxy_does_not_allow(self):
        with servers.xrdp(self.folder, self.certificates["valid"], security="tls") as target:
            with servers.tinyproxy(self.folder, 443) as proxy:
                run = self.probe(target, "--proxy", f"http://127.0.0.1:{proxy.port}", replay_agrees=False)
        self.expect_no_handshake(run)

    def test_a_target_that_refuses_the_proxy(self):
        class Nobody:
            port = servers.free_port()
        with servers.danted(self.folder) as proxy:
            run = self.probe(Nobody, "--proxy", f"socks5://127.0.0.1:{proxy.port}", replay_agrees=False)
        self.expect_no_handshake(run)
