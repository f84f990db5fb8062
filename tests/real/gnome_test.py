"""NLA with gnome-remote-desktop, which answers a wrong password with PDUs of T.125 where a TSRequest is due."""
import network
import servers
from real_test_case import RealTestCase

USER, PASSWORD, WRONG = "grduser", "GrdPass1!", "Wr0ngPass!"


class Gnome(RealTestCase):
    passwords = {PASSWORD, WRONG}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.namespace = cls.enterClassContext(network.lonely())
        cls.server = cls.enterClassContext(
            servers.gnome_remote_desktop(cls.folder, cls.certificates["valid"], USER, PASSWORD, cls.namespace))

    def log_on(self, user, password):
        return self.probe(self.server, "--user", user, "--password-file", self.password_file(password), "--auth", "ntlm",
                          namespace=self.namespace)

    def test_the_right_password_goes_through(self):
        run = self.log_on(USER, PASSWORD)
        self.assertEqual((0, None, "credssp", "handshake-complete"), (run.exit_code, run.ending, run.report["reached"], run.first_cause))
        self.assertEqual(1, len(run.said("NTLM AUTHENTICATE")))

    def test_a_wrong_password_and_an_unknown_user_are_told_though_it_answers_with_pdus_of_a_session(self):
        for user, password in ((USER, WRONG), ("nobody", PASSWORD)):
            with self.subTest(user=user):
                run = self.log_on(user, password)
                self.assertEqual((1, "tls", "credssp", "server"), (run.exit_code, run.report["reached"], *run.ending[:2]))
                self.assertEqual("credentials-refused-without-reason", run.first_cause)
                self.assertNotEqual("certain", run.report["diagnosis"]["causes"][0]["confidence"])
                self.assertEqual(1, len(run.said("NTLM AUTHENTICATE")))
