"""NTLM against gss-ntlmssp, which is nobody's of ours: each of the two is client and server once."""
import os
import pathlib
import subprocess
import tempfile
import unittest

NTLM = "1.3.6.1.4.1.311.2.2.10"


class NtlmTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        try:
            import gssapi
        except ImportError:
            raise unittest.SkipTest("skipped: python3-gssapi is not installed") from None
        cls.gssapi = gssapi
        cls.mechanism = gssapi.OID.from_int_seq(NTLM)
        if cls.mechanism not in gssapi.raw.indicate_mechs():
            raise unittest.SkipTest("skipped: gss-ntlmssp is not installed")
        folder = tempfile.TemporaryDirectory(prefix="rdpwhy-ntlm-")
        cls.addClassCleanup(folder.cleanup)
        users = pathlib.Path(folder.name) / "users"
        users.write_text("LAB:lab:right\nLAB:m\u00fcller:gr\u00fc\u00dfe\n", encoding="utf-8")
        os.environ["NTLM_USER_FILE"] = str(users)

    def talk(self, *arguments):
        process = subprocess.Popen([os.environ["RDPWHY_NTLM_TALK"], *arguments], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True, encoding="utf-8")
        self.addCleanup(process.wait, 30)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stdin.close)
        return process

    @staticmethod
    def ask(process, octets):
        process.stdin.write(octets.hex() + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    def expect_sealing_agrees(self, context, process):
        for text in (b"one message", b"and another"):
            sealed = context.wrap(text, True)
            self.assertTrue(sealed.encrypted)
            back = bytes.fromhex(self.ask(process, sealed.message))
            self.assertEqual(text, context.unwrap(back).message)

    def accept(self, user, password):
        process = self.talk("client", user, "LAB", password)
        credentials = self.gssapi.Credentials(usage="accept", mechs=[self.mechanism])
        context = self.gssapi.SecurityContext(creds=credentials, usage="accept")
        challenge = context.step(bytes.fromhex(process.stdout.readline().strip()))
        context.step(bytes.fromhex(self.ask(process, challenge)))
        return context, process

    def test_its_server_accepts_our_client_and_opens_what_it_seals(self):
        for user, password in (("lab", "right"), ("m\u00fcller", "gr\u00fc\u00dfe"), ("M\u00dcLLER", "gr\u00fc\u00dfe")):
            with self.subTest(user=user):
                context, process = self.accept(user, password)
                self.assertTrue(context.complete)
                self.assertIn(user.lower(), str(context.initiator_name).lower())
                self.expect_sealing_agrees(context, process)

    def test_its_server_refuses_a_wrong_password_of_our_client(self):
        with self.assertRaises(self.gssapi.exceptions.GSSError):
            self.accept("lab", "Right")

    def initiate(self, password):
        process = self.talk("server", "lab", "LAB", "right")
        name = self.gssapi.Name("LAB\\lab", self.gssapi.NameType.user)
        credentials = self.gssapi.raw.acquire_cred_with_password(
            name, password.encode(), mechs=[self.mechanism], usage="initiate").creds
        flags = self.gssapi.RequirementFlag
        context = self.gssapi.SecurityContext(
            name=self.gssapi.Name("TERMSRV@localhost", self.gssapi.NameType.hostbased_service),
            creds=self.gssapi.Credentials(base=credentials), mech=self.mechanism, usage="initiate",
            flags=flags.integrity | flags.confidentiality)
        authenticate = context.step(bytes.fromhex(self.ask(process, context.step())))
        return context, process, self.ask(process, authenticate)

    def test_our_server_accepts_its_client_and_opens_what_it_seals(self):
        context, process, said = self.initiate("right")
        self.assertEqual("lab", said)
        self.expect_sealing_agrees(context, process)

    def test_our_server_refuses_a_wrong_password_of_its_client(self):
        self.assertEqual("refused 3", self.initiate("wrong")[2])
