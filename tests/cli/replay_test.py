"""replay from outside: odd files, real captures against the schema."""
import glob
import os
import struct
import subprocess
import tempfile

from program import PROGRAM, SHARED, SOURCE, Case, main, run

PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101)


def without_secrets(pcapng):
    """The same capture of this machine's octet order without its Decryption Secrets Blocks."""
    kept, offset = b"", 0
    while offset < len(pcapng):
        kind, size = struct.unpack_from("<II", pcapng, offset)
        if kind != 0x0A:
            kept += pcapng[offset:offset + size]
        offset += size
    return kept


class OddFiles(Case):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name, octets=None):
        path = os.path.join(self.folder.name, name)
        if octets is not None:
            with open(path, "wb") as file:
                file.write(octets)
        return path

    def test_what_is_no_capture_ends_with_3_and_a_sentence(self):
        pipe = self.path("pipe")
        os.mkfifo(pipe)
        for path in (self.path("missing"), self.folder.name, pipe, self.path("empty", b""), self.path("text", b"this is a text file\n" * 9),
                     self.path("zeros", bytes(4096)), self.path("one", b"\xd4"), "/dev/zero", "/dev/null"):
            finished = run("replay", path)
            self.assertEqual(finished.returncode, 3, path)
            self.complains(finished)

    def test_an_unreadable_key_log_ends_with_3(self):
        finished = run("replay", "--keylog", self.path("missing"), self.path("x.pcap", PCAP_HEADER))
        self.assertEqual(finished.returncode, 3)
        self.complains(finished, "cannot read")

    def test_a_private_key_that_cannot_help_ends_with_3_and_says_why(self):
        capture = self.path("x.pcap", PCAP_HEADER)
        for name, octets, why in (("missing.pem", None, "cannot read"), ("empty.pem", b"", "no private key"),
                                  ("text.pem", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not a readable private key"),
                                  ("locked.pem", self.key("-aes128", "-pass", "pass:secret"), "passphrase"),
                                  ("key.der", self.key("-outform", "DER"), "openssl pkey -inform DER"),
                                  ("ec.pem", self.key(algorithm=("EC", "ec_paramgen_curve:P-256")), "EC")):
            finished = run("replay", "--tls-key", self.path(name, octets), capture)
            self.assertEqual(finished.returncode, 3, name)
            self.complains(finished, why)
            self.complains(finished, name)

    def test_several_private_keys_may_be_given(self):
        keys = [self.path(name, self.key()) for name in ("a.pem", "b.pem")]
        finished = run("replay", "--tls-key", keys[0], "--tls-key", keys[1], self.path("none.pcap", PCAP_HEADER))
        self.assertEqual(finished.returncode, 0)

    def test_a_key_of_standard_rdp_security_is_pem_or_the_ini_file_of_xrdp(self):
        capture = self.path("none.pcap", PCAP_HEADER)
        numbers = {"pub_exp": (65537).to_bytes(4, "little"), "pub_mod": (61 * 53).to_bytes(2, "little"), "pri_exp": (413).to_bytes(2, "little")}
        lines = ["[keys]"] + [f"{name}=" + ",".join(f"0x{octet:02x}" for octet in value) for name, value in numbers.items()]
        for name, text in (("a.pem", self.key()), ("rsakeys.ini", "\n".join(lines).encode())):
            finished = run("replay", "--rdp-key", self.path(name, text), capture)
            self.assertEqual(finished.returncode, 0, finished.stderr)
        for name, text, why in (("half.ini", "\n".join(lines[:2] + lines[3:]).encode(), "pub_mod"), ("text.ini", b"no key", "no private key")):
            finished = run("replay", "--rdp-key", self.path(name, text), capture)
            self.assertEqual(finished.returncode, 3, name)
            self.complains(finished, why)
            self.complains(finished, name)

    @staticmethod
    def key(*options, algorithm=("RSA", "rsa_keygen_bits:2048")):
        return subprocess.run(["openssl", "genpkey", "-algorithm", algorithm[0], "-pkeyopt", algorithm[1], *options],
                              check=True, capture_output=True).stdout

    def test_a_capture_without_rdp_is_0_with_a_sentence_on_stderr(self):
        for options in ([], ["--json"]):
            finished = run("replay", *options, self.path("none.pcap", PCAP_HEADER))
            self.assertEqual(finished.returncode, 0)
            self.complains(finished, "no RDP connection")

    def test_a_capture_cut_in_the_middle_of_a_packet_is_read_up_to_there(self):
        cut = PCAP_HEADER + struct.pack("<IIII", 1, 0, 60, 60) + b"\x45" + bytes(20)
        finished = run("replay", self.path("cut.pcap", cut))
        self.assertEqual(finished.returncode, 0)
        self.complains(finished, "cut.pcap")

    def test_a_capture_of_which_no_packet_can_be_read_could_not_be_tried(self):
        finished = run("replay", self.path("damaged.pcap", PCAP_HEADER + b"\xff" * 64))
        self.assertEqual(finished.returncode, 3)
        self.complains(finished, "damaged before its first packet")

    def test_a_key_log_that_helps_nobody_is_said_to(self):
        capture = os.path.join(SOURCE, "captures", "lab-valid.pcapng")
        with open(capture, "rb") as file:
            octets = file.read()
        closed = self.path("closed.pcapng", without_secrets(octets))
        for text, words in ((os.urandom(300), "no TLS secret in it"),
                            (f"CLIENT_RANDOM {'ab' * 32} {'cd' * 48}\n".encode(), "1 TLS connection stayed closed, and of 1")):
            finished = run("replay", "--json", "--keylog", self.path("x.keys", text), closed)
            self.assertEqual(len(self.handshakes(finished)), 1)
            self.assertIn(words, finished.stderr.decode())
        secret = self.path("x.keys", f"CLIENT_RANDOM {'ab' * 32} {'cd' * 48}\n".encode())
        self.assertEqual(run("replay", "--json", "--keylog", secret, capture).stderr, b"")

    def test_a_private_key_that_opens_nothing_is_said_to(self):
        key = self.path("key.pem", self.key())
        for name, words in (("xrdp-tls12-rsa.pcapng", "no key that was given is that of the certificate of 1 TLS connection (O = rdpwhy tests, CN = host.example, SHA-256 "),
                            ("lab-valid.pcapng", "1 TLS connection stayed closed: TLS 1.3, and (EC)DHE before it, encrypt nothing to the server's key")):
            with open(os.path.join(SOURCE, "captures", name), "rb") as file:
                octets = file.read()
            closed = self.path(name, without_secrets(octets))
            finished = run("replay", "--json", "--tls-key", key, closed)
            self.assertEqual(len(self.handshakes(finished)), 1)
            self.assertIn(words, finished.stderr.decode())
            self.assertEqual(run("replay", "--json", "--tls-key", key, os.path.join(SOURCE, "captures", name)).stderr, b"", name)

    def test_the_worst_of_several_files_decides(self):
        finished = run("replay", self.path("none.pcap", PCAP_HEADER), self.path("missing"))
        self.assertEqual(finished.returncode, 3)


def captures():
    own = glob.glob(os.path.join(SOURCE, "captures", "**", "*.pcap*"), recursive=True)
    return sorted(own + glob.glob(os.path.join(SHARED, "captures", "**", "*.pcap*"), recursive=True))


class Captures(Case):
    def test_every_report_of_every_capture_obeys_the_schema(self):
        paths = captures()
        if not paths:
            self.skipTest("skipped: no captures here")
        for path in paths:
            with self.subTest(os.path.basename(path)):
                finished = run("replay", "--json", path)
                self.assertIn(finished.returncode, (0, 1, 3))
                reports = self.handshakes(finished)
                failed = any(report["failed"] for report in reports)
                if finished.returncode != 3:
                    self.assertEqual(finished.returncode, 1 if failed else 0)
                for report in reports:
                    certain = [c["id"] for c in report["diagnosis"]["causes"] if c["confidence"] == "certain"]
                    self.assertLessEqual(len(certain), 1, certain)

    def test_the_text_report_has_no_control_characters_and_80_columns(self):
        for path in captures():
            with self.subTest(os.path.basename(path)):
                finished = run("replay", "--explain", path)
                for line in finished.stdout.decode().splitlines():
                    self.assertTrue(all(c >= " " and c != "\x7f" for c in line), line)
                    if " " in line.strip():
                        longest = max(len(word) for word in line.split())
                        self.assertTrue(len(line) <= 80 or longest > 40, line)

    def test_a_reader_that_leaves_ends_it_early_with_3(self):
        paths = captures()
        if not paths:
            self.skipTest("skipped: no captures here")
        reader, writer = os.pipe()
        os.close(reader)
        finished = subprocess.run([PROGRAM, "replay", "--json", *paths], stdout=writer, stderr=subprocess.PIPE, timeout=120, check=False)
        os.close(writer)
        self.assertEqual(finished.returncode, 3)
        self.assertIn(b"cannot write", finished.stderr)


if __name__ == "__main__":
    main()
