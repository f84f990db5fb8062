"""`rdpwhy tls` against servers whose settings are known: what it finds is what was configured, no more and no less."""
import contextlib
import json
import pathlib
import subprocess
import sys
import unittest

from cryptography.hazmat.primitives.asymmetric import dh
from cryptography.hazmat.primitives.serialization import Encoding, ParameterFormat

import rdpwhy
import servers
from network import SERVER, Wire
from real_test_case import RealTestCase

ANY = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"
VERSIONS = {"-ssl3": "SSLv3", "-tls1": "TLSv1.0", "-tls1_1": "TLSv1.1", "-tls1_2": "TLSv1.2", "-tls1_3": "TLSv1.3"}
# RFC 2409 6.2: 1024 bits.
OAKLEY_GROUP_2 = int("FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B"
                     "302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE6"
                     "49286651ECE65381FFFFFFFFFFFFFFFF", 16)
# What OpenSSL 3 of Debian has no more, of every kind: export, RC4, DES, 3DES, RC2, IDEA, SEED, NULL, anonymous, GOST, drafts of ChaCha20.
DROPPED = {
    0x0300: [0x0003, 0x0004, 0x0005, 0x0006, 0x0007, 0x0008, 0x0009, 0x000A, 0x0014, 0x0015, 0x0016, 0x0017, 0x0018, 0x0019, 0x001A,
             0x001B, 0x001D, 0xFEFE, 0xFEFF],
    0x0301: [0x0007, 0x0009, 0x0062, 0x0064, 0x0096, 0x009A, 0x0001, 0x0002, 0x0081, 0x0083, 0x0041, 0x0084, 0x001E, 0xC007, 0xC011],
    0x0303: [0xCC13, 0xCC14, 0xCC15, 0xCCA8, 0xC100, 0xC102, 0xC0A0, 0xC0AE, 0xC03C, 0xC072, 0xC09B, 0xC01A, 0xE410, 0x16B7, 0x003B,
             0xC010, 0xC008, 0x000A],
}


def expected_suites(version, ciphers, keys):
    """By number, what OpenSSL itself says it would take of this list, with certificates of these keys."""
    out = subprocess.run(["openssl", "ciphers", "-V", "-s", version, ciphers], check=True, capture_output=True, text=True).stdout
    found = set()
    for line in out.splitlines():
        number, _, _, name, *facts = line.split()
        authentication = next(f for f in facts if f.startswith("Au="))[3:]
        if authentication in keys and "PSK" not in name and "SRP" not in name:
            high, low = number.split(",")
            found.add(int(high, 16) << 8 | int(low, 16))
    return found


class TlsSurvey(RealTestCase):
    @contextlib.contextmanager
    def porch(self, backend=None, address="127.0.0.1", namespace=None, **settings):
        port = servers.free_port()
        path = pathlib.Path(self.folder) / f"porch-{port}.json"
        if backend:
            settings["backend"] = ["127.0.0.1", backend.port]
        path.write_text(json.dumps({"listen": [address, port], **settings}))
        script = pathlib.Path(__file__).with_name("tls_porch.py")
        with servers.Server([sys.executable, str(script), str(path)], port, folder=self.folder, namespace=namespace) as server:
            yield server

    @contextlib.contextmanager
    def openssl(self, *arguments, pair="valid", ciphers=ANY):
        servers.require("openssl")
        port, pair = servers.free_port(), self.certificates[pair]
        command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", str(pair.certificates), "-key", str(pair.key),
                   "-cipher", ciphers, "-quiet", *map(str, arguments)]
        with servers.Server(command, port, folder=self.folder) as server:
            yield server

    def survey(self, server, *arguments, exit_code=0, address="127.0.0.1", namespace=None):
        code, said, talk = rdpwhy.done(self.folder, f"survey-{server.port}", "tls", "--json", "--pace", "0", "--server-name", "host.example",
                                       *arguments, f"{address}:{server.port}", namespace=namespace)
        self.assertEqual("", talk)
        report = json.loads(said)
        self.assertEqual(report["complete"], code == 0)
        self.assertIn(code, (exit_code, 0) if exit_code else (0,), [v for v in report["versions"] if v["undecided"]])
        return report

    def suites(self, report, version):
        (found,) = [v for v in report["versions"] if v["version"] == version]
        return [s["code"] for s in found["suites"]]

    def accepted(self, report):
        for version in report["versions"]:
            self.assertEqual([], version["undecided"], version)
        return {v["version"] for v in report["versions"] if v["accepted"] == "yes"}

    def finding(self, report, version):
        (found,) = [v for v in report["versions"] if v["version"] == version]
        return found

    def names(self, listing):
        return [entry["name"] for entry in listing["accepted"]]

    def expect_openssl(self, *options, keys=("RSA", "None"), pair="valid", ciphers=ANY, faults=None, **how):
        """One version and one list of suites."""
        version = options[0]
        with self.openssl(*options, pair=pair, ciphers=ciphers) as backend, self.porch(backend, **(faults or {})) as server:
            report = self.survey(server, **how)
        self.assertEqual({VERSIONS[version]}, self.accepted(report))
        self.assertEqual(expected_suites(version, ciphers, keys), set(self.suites(report, VERSIONS[version])))
        return report

    def test_tls_10_alone(self):
        report = self.expect_openssl("-tls1")
        self.assertEqual("client", self.finding(report, "TLSv1.0")["preference"])

    def test_tls_11_alone(self):
        self.expect_openssl("-tls1_1")

    def test_tls_12_with_every_suite_of_an_rsa_key(self):
        report = self.expect_openssl("-tls1_2")
        self.assertIn("rsa_pkcs1_sha1", self.names(report["signature_algorithms"]))

    def test_tls_12_with_one_suite(self):
        report = self.expect_openssl("-tls1_2", ciphers="AES128-SHA")
        self.assertEqual([0x002F], self.suites(report, "TLSv1.2"))
        self.assertIsNone(report["groups"])

    def test_tls_13_alone(self):
        with self.openssl("-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_8_SHA256", "-groups", "P-384:X25519") as backend, \
                self.porch(backend) as server:
            report = self.survey(server)
        self.assertEqual({"TLSv1.3"}, self.accepted(report))
        self.assertEqual({0x1301, 0x1305}, set(self.suites(report, "TLSv1.3")))
        self.assertEqual({"secp384r1", "x25519"}, set(self.names(report["groups_tls13"])))
        self.assertEqual(["rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512"],
                         sorted(self.names(report["signature_algorithms_tls13"])))
        self.assertEqual("yes", report["properties"]["tls13_ticket"]["known"])
        self.assertEqual(["RSA"], [c["chain"][0]["key"]["type"] for c in report["certificates"]])

    def test_ecdsa_alone(self):
        report = self.expect_openssl("-tls1_2", pair="ec256", keys=("ECDSA", "None"), ciphers="ECDSA:@SECLEVEL=0")
        self.assertEqual({"x25519", "secp256r1", "x448", "secp521r1", "secp384r1"}, set(self.names(report["groups"])))
        self.assertEqual(["EC"], [c["chain"][0]["key"]["type"] for c in report["certificates"]])

    def test_both_certificates(self):
        other = self.certificates["ec256"]
        both = ["-dcert", other.certificates, "-dkey", other.key]
        report = self.expect_openssl("-tls1_2", *both, keys=("RSA", "ECDSA", "None"))
        self.assertEqual({"RSA", "EC"}, {c["chain"][0]["key"]["type"] for c in report["certificates"]})
        self.assertTrue(all(c["with_server_name"] and c["without_server_name"] for c in report["certificates"]))
        with self.openssl("-tls1_3", *both) as backend, self.porch(backend) as server:
            report = self.survey(server)
        self.assertEqual({"RSA", "EC"}, {c["chain"][0]["key"]["type"] for c in report["certificates"]})
        self.assertIn("ecdsa_secp256r1_sha256", self.names(report["signature_algorithms_tls13"]))

    def test_dhe_with_1024_bits(self):
        path = pathlib.Path(self.folder) / "dh1024.pem"
        path.write_bytes(dh.DHParameterNumbers(OAKLEY_GROUP_2, 2).parameters().parameter_bytes(Encoding.PEM, ParameterFormat.PKCS3))
        report = self.expect_openssl("-tls1_2", "-dhparam", path, ciphers="DHE-RSA-AES128-SHA:DHE-RSA-AES256-GCM-SHA384:@SECLEVEL=0")
        self.assertEqual([1024], [d["bits"] for d in report["dh_bits"]])
        self.assertIn("weak", report["dh_bits"][0])

    def test_who_decides_is_proven(self):
        order = ["AES128-SHA", "ECDHE-RSA-AES256-GCM-SHA384", "AES256-SHA256"]
        for option, decides in (((), "client"), (("-serverpref",), "server")):
            report = self.expect_openssl("-tls1_2", *option, ciphers=":".join(order))
            found = self.finding(report, "TLSv1.2")
            self.assertEqual(decides, found["preference"])
            self.assertEqual(decides == "server", found["in_server_order"])
            if decides == "server":
                self.assertEqual([0x002F, 0xC030, 0x003D], self.suites(report, "TLSv1.2"))

    def test_a_limit_of_64_suites_hides_none(self):
        report = self.expect_openssl("-tls1_2", faults={"most_suites": 64})
        self.assertLessEqual(report["calibration"]["suites_per_hello"], 64)

    def test_a_server_that_resets_instead_of_an_alert(self):
        report = self.expect_openssl("-tls1_2", faults={"reset": True}, ciphers="AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256")
        self.assertEqual("reset", report["calibration"]["refuses_by"]["how"])

    def test_a_server_that_throttles_is_waited_for(self):
        for reset in (False, True):
            with self.subTest(reset=reset):
                report = self.expect_openssl("-tls1_2", ciphers="AES128-SHA:AES256-SHA",
                                             faults={"patience": [20, 3], "reset": reset})
                self.assertTrue(report["complete"])

    def test_suites_that_openssl_dropped(self):
        for version, suites in DROPPED.items():
            with self.subTest(version=hex(version)), self.porch(table={str(version): suites}) as server:
                report = self.survey(server, exit_code=1)  # the script names no group
                name = {0x0300: "SSLv3", 0x0301: "TLSv1.0", 0x0303: "TLSv1.2"}[version]
                self.assertEqual({name}, self.accepted(report))
                self.assertEqual(set(suites), set(self.suites(report, name)))
                self.assertEqual("server", self.finding(report, name)["preference"])
                self.assertEqual(suites, self.suites(report, name), "in the server's order")

    def test_every_suite_of_the_registry_is_offered(self):
        every = sorted({code for suites in DROPPED.values() for code in suites} | set(range(0x0001, 0x001C)) | set(range(0xC001, 0xC0AF)))
        with self.porch(table={"771": every}) as server:
            report = self.survey(server, exit_code=1)
        self.assertEqual(set(every), set(self.suites(report, "TLSv1.2")))

    def test_nla_is_offered_where_it_is_wanted(self):
        with self.openssl("-tls1_2", ciphers="AES128-SHA") as backend, self.porch(backend, select=2) as server:
            report = self.survey(server)
        self.assertEqual(["SSL", "HYBRID"], report["calibration"]["requested_protocols"])
        self.assertEqual([0x002F], self.suites(report, "TLSv1.2"))

    def test_client_certificates_that_are_asked_for(self):
        for version in ("-tls1_2", "-tls1_3"):
            with self.openssl(version, "-verify", "2") as backend, self.porch(backend) as server:
                report = self.survey(server)
            self.assertEqual("yes", report["properties"]["client_certificate"]["known"], version)

    def test_alpn_and_other_properties(self):
        with self.openssl("-alpn", "http/1.1", "-no_etm") as backend, self.porch(backend) as server:
            report = self.survey(server)
        found = {name: finding["known"] for name, finding in report["properties"].items() if isinstance(finding, dict)}
        self.assertEqual({"alpn": "yes", "encrypt_then_mac": "no", "extended_master_secret": "yes", "heartbeat": "no",
                          "compression": "no", "session_ticket": "yes", "secure_renegotiation": "yes", "ocsp_stapling": "no"},
                         {name: found[name] for name in ("alpn", "encrypt_then_mac", "extended_master_secret", "heartbeat", "compression",
                                                         "session_ticket", "secure_renegotiation", "ocsp_stapling")})
        self.assertEqual(["http/1.1"], report["properties"]["alpn_protocols"])

    def test_gnutls_with_rfc_7919_groups(self):
        servers.require("gnutls-serv")
        with Wire() as wire:  # it listens on every address
            port, pair = servers.free_port(), self.certificates["valid"]
            command = ["gnutls-serv", "--port", str(port), "--x509certfile", str(pair.certificates), "--x509keyfile", str(pair.key),
                       "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+CAMELLIA-256-GCM:+AES-256-CBC"
                                     ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP384R1:+GROUP-FFDHE3072", "--quiet", "--noticket"]
            with servers.Server(command, port, folder=self.folder, namespace=wire.server) as backend, \
                    self.porch(backend, address=SERVER, namespace=wire.server) as server:
                report = self.survey(server, address=SERVER, namespace=wire.client)
        self.assertEqual({"TLSv1.2", "TLSv1.3"}, self.accepted(report))
        self.assertEqual({0x1301}, set(self.suites(report, "TLSv1.3")))
        names = {s["name"] for s in self.finding(report, "TLSv1.2")["suites"]}
        for name in names:
            self.assertRegex(name, "AES_128_GCM|CAMELLIA_256_GCM|AES_256_CBC")
        self.assertIn("TLS_ECDHE_RSA_WITH_CAMELLIA_256_GCM_SHA384", names)
        self.assertEqual({"x25519", "secp384r1"}, set(self.names(report["groups"])))
        self.assertEqual({"x25519", "secp384r1", "ffdhe3072"}, set(self.names(report["groups_tls13"])))
        self.assertEqual(["ffdhe3072"], self.names(report["finite_field_groups"]))

    def test_xrdp_with_what_it_is_configured_for(self):
        with servers.xrdp(self.folder, self.certificates["valid"], security="tls", protocols="TLSv1.2",
                          ciphers="AES128-SHA:ECDHE-RSA-AES256-GCM-SHA384") as server:
            report = self.survey(server)
        self.assertEqual({"TLSv1.2"}, self.accepted(report))
        self.assertEqual({0x002F, 0xC030}, set(self.suites(report, "TLSv1.2")))

    def test_a_freerdp_shadow_server(self):
        with servers.display(self.folder) as screen, \
                servers.shadow(self.folder, self.certificates["valid"], screen, "/sec:tls") as server:
            report = self.survey(server)
        self.assertEqual({"TLSv1.2", "TLSv1.3"}, self.accepted(report))
        self.assertEqual({0x1301, 0x1302, 0x1303}, set(self.suites(report, "TLSv1.3")))


if __name__ == "__main__":
    unittest.main()
