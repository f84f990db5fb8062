"""Against xrdp: what it answers to each offer, each certificate, each TLS version, and its breaches of the rules."""
import os
import pwd
import unittest

import servers
from real_test_case import RealTestCase

# What xrdp selects, by security_layer and what is offered. None: a Confirm without negotiation data.
OFFERS = ["rdp", "tls", "nla", "tls,nla", "ext", "tls,nla,ext", "none"]
SELECTED = {
    "negotiate": ["RDP", "SSL", "RDP", "SSL", "RDP", "SSL", None],
    "rdp": ["RDP", "RDP", "RDP", "RDP", "RDP", "RDP", None],
    "tls": [1, "SSL", 1, "SSL", 1, "SSL", None],   # a number: RDP_NEG_FAILURE with that code
}
LEVEL_ZERO = "ALL:@SECLEVEL=0"


class Negotiation(RealTestCase):
    def expect_answers(self, security):
        with servers.xrdp(self.folder, self.certificates["valid"], security=security) as server:
            for offer, answer in zip(OFFERS, SELECTED[security]):
                with self.subTest(security=security, offer=offer):
                    run = self.probe(server, "--security", offer)
                    self.expect_negotiation_as_tshark_says(run, server)
                    self.expect_answer(run, security, offer, answer)

    def expect_answer(self, run, security, offer, answer):
        x224 = run.report["x224"]
        if isinstance(answer, int):
            self.assertEqual({"code": answer, "name": "SSL_REQUIRED_BY_SERVER"}, x224["failure"])
            self.assertEqual(("x224", "server", "failure_pdu"), run.ending)
            self.assertEqual("tls-required", run.first_cause)
            self.assertEqual(1, run.exit_code)
        elif answer is None:
            self.assertIsNone(x224.get("selected_protocol"))
            # It confirms without a word, and where it wants TLS it lets nobody into MCS without.
            self.assertEqual(("mcs", "server", "failure_pdu") if security == "tls" else None, run.ending)
        else:
            self.assertEqual(answer, x224["selected_protocol"])
            if answer == "SSL":
                self.expect_complete(run)
            elif offer != "rdp":
                self.assertEqual("legacy-security-chosen", run.first_cause)

    def test_negotiate_takes_tls_where_offered_and_standard_security_for_all_else(self):
        self.expect_answers("negotiate")

    def test_rdp_takes_standard_security_whatever_is_offered(self):
        self.expect_answers("rdp")

    def test_tls_refuses_offers_without_tls(self):
        self.expect_answers("tls")


class Tls(RealTestCase):
    def complete(self, name, *arguments, **how):
        pair = self.certificates[name]
        with servers.xrdp(self.folder, pair, security="tls", **how) as server:
            run = self.probe(server, *arguments)
            self.expect_tls_as_tshark_says(run, server, pair)
            self.expect_complete(run)
            return run.report["tls"]

    def test_tls_1_3(self):
        self.assertEqual("TLSv1.3", self.complete("valid")["version"])

    def test_tls_1_2_when_the_server_has_no_more(self):
        self.assertEqual("TLSv1.2", self.complete("valid", protocols="TLSv1.2")["version"])

    def test_tls_1_2_when_we_offer_no_more(self):
        self.assertEqual("TLSv1.2", self.complete("valid", "--tls-max", "1.2")["version"])

    def test_tls_1_1(self):
        self.assertEqual("TLSv1.1", self.complete("valid", "--tls-min", "1.0", protocols="TLSv1.1", ciphers=LEVEL_ZERO)["version"])

    def test_tls_1_0(self):
        self.assertEqual("TLSv1.0", self.complete("valid", "--tls-min", "1.0", protocols="TLSv1", ciphers=LEVEL_ZERO)["version"])

    def test_an_rsa_key_exchange_has_no_group(self):
        tls = self.complete("valid", protocols="TLSv1.2", ciphers="AES128-SHA")
        self.assertEqual("TLS_RSA_WITH_AES_128_CBC_SHA", tls["cipher"]["name"])
        self.assertNotIn("group", {k for k, v in tls.items() if v is not None})

    def test_an_elliptic_key(self):
        self.assertEqual("EC", self.complete("ec256")["certificates"][0]["key"]["type"])

    def test_an_edwards_key(self):
        pair = self.certificates["ed25519"]
        with servers.xrdp(self.folder, pair, security="tls") as server:
            run = self.probe(server, "--tls-min", "1.2")
        # A current mstsc does not offer Ed25519, so the server has no certificate for us: either way it is told.
        if run.report["reached"] == "mcs":
            self.expect_certificate_as_openssl_says(run, pair)
        else:
            self.assertEqual("tls", run.report["failed"]["phase"])

    def test_no_version_in_common_is_said_by_alert(self):
        with servers.xrdp(self.folder, self.certificates["valid"], security="tls", protocols="TLSv1.2") as server:
            run = self.probe(server, "--tls-min", "1.3")
        self.assertEqual(("tls", "server", "alert"), run.ending)
        self.assertEqual([70], [a["code"] for a in run.report["tls"]["alerts"] if a["by"] == "server"])
        self.assertEqual("no-common-tls-version", run.first_cause)
        self.assertEqual(1, run.exit_code)


class CertificateProblems(RealTestCase):
    def expect_problems(self, name, problems, **how):
        pair = self.certificates[name]
        with servers.xrdp(self.folder, pair, security="tls", **how) as server:
            run = self.probe(server)
            self.expect_tls_as_tshark_says(run, server, pair)
        self.expect_complete(run)
        self.assertEqual(problems, run.report["tls"]["certificate_problems"])
        warned = {w["id"] for w in run.report["diagnosis"].get("warnings", [])}
        for problem in problems:
            self.assertTrue(any(problem.replace("_", "-") in w for w in warned), (problem, warned))

    def test_a_valid_one_has_none(self):
        self.expect_problems("valid", [])

    def test_expired(self):
        self.expect_problems("expired", ["expired"])

    def test_not_yet_valid(self):
        self.expect_problems("not-yet-valid", ["not_yet_valid"])

    def test_another_name(self):
        self.expect_problems("wrong-name", ["name_mismatch"])

    def test_a_missing_intermediate(self):
        self.expect_problems("missing-intermediate", ["missing_intermediate"])

    def test_a_short_key(self):
        self.expect_problems("rsa1024", ["weak_key"], ciphers=LEVEL_ZERO)

    def test_a_sha1_signature(self):
        self.expect_problems("sha1", ["weak_signature"], ciphers=LEVEL_ZERO)

    def test_self_signed(self):
        self.expect_problems("self-signed", ["self_signed"])


class BrokenServers(RealTestCase):
    """xrdp does not check its key and certificate before it selects TLS: what it then says breaks the rules."""

    def expect_ultimatum(self, name):
        with servers.xrdp(self.folder, self.certificates[name], security="tls") as server:
            run = self.probe(server)
        self.assertEqual("x224", run.report["reached"])
        self.assertEqual("tls", run.report["failed"]["phase"])
        self.assertEqual("client_hello", run.report["failed"]["after"])
        self.assertEqual("server", run.report["failed"]["ending"]["by"])
        self.assertEqual("server-private-key-unreadable", run.first_cause)
        self.assertNotEqual("certain", run.report["diagnosis"]["causes"][0]["confidence"])
        self.assertTrue(any("ltimatum" in e["what"] for e in run.report["evidence"]), run.report["evidence"])

    def test_a_key_of_another_certificate_answers_the_client_hello_with_a_clear_ultimatum(self):
        self.expect_ultimatum("mismatched")

    def test_a_short_key_at_the_default_security_level_does_so_too(self):
        self.expect_ultimatum("rsa1024")

    def test_a_sha1_certificate_at_the_default_security_level_does_so_too(self):
        self.expect_ultimatum("sha1")

    def expect_failure_3(self, **how):
        with servers.xrdp(self.folder, security="tls", **how) as server:
            run = self.probe(server)
            self.expect_negotiation_as_tshark_says(run, server)
        self.assertEqual({"code": 3, "name": "SSL_CERT_NOT_ON_SERVER"}, run.report["x224"]["failure"])
        self.assertEqual("server-has-no-certificate", run.first_cause)

    def test_a_missing_key_file_is_said_in_the_negotiation(self):
        self.expect_failure_3(certificate=self.certificates["valid"].certificates, key="/nonexistent/key.pem")

    def test_a_missing_certificate_file_is_said_in_the_negotiation(self):
        self.expect_failure_3(certificate="/nonexistent/cert.pem", key=self.certificates["valid"].key)

    def test_a_missing_key_file_under_negotiate_falls_back_to_standard_security_in_silence(self):
        with servers.xrdp(self.folder, security="negotiate", certificate=self.certificates["valid"].certificates,
                          key="/nonexistent/key.pem") as server:
            run = self.probe(server)
        self.assertEqual("RDP", run.report["x224"]["selected_protocol"])
        self.assertEqual("legacy-security-chosen", run.first_cause)

    @unittest.skipIf(os.geteuid() != 0, "skipped: only root can start a server as another user")
    def test_a_key_that_the_server_may_not_read_falls_back_as_if_it_were_missing(self):
        pair = self.certificates["valid"]
        key = self.folder / "unreadable.key"
        key.write_bytes(pair.key.read_bytes())
        key.chmod(0o600)
        with servers.xrdp(self.folder, security="negotiate", certificate=pair.certificates, key=key,
                          user=pwd.getpwnam("nobody").pw_uid) as server:
            run = self.probe(server)
        self.assertEqual("RDP", run.report["x224"]["selected_protocol"])
        # That user may not read the keys of standard security either.
        self.assertEqual("session-host-refused", run.first_cause)
        self.assertIn("legacy-security-chosen", [c["id"] for c in run.report["diagnosis"]["causes"]])

    def test_an_old_version_without_its_ciphers_ends_in_an_alert(self):
        with servers.xrdp(self.folder, self.certificates["valid"], security="tls", protocols="TLSv1") as server:
            run = self.probe(server, "--tls-min", "1.0")
        self.assertEqual(("tls", "server", "alert"), run.ending)
