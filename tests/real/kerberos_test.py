"""Our Kerberos against a real KDC: what each refusal is told as, and how often a password is tried. See kerberos_talk.cc."""
import json
import os
import pathlib
import socket
import subprocess
import threading
import time

import kdc
import leaks
import servers

TALK = os.environ.get("RDPWHY_KERBEROS_TALK", "kerberos_talk")
TEXT = b"what is delegated".hex()


class Talk:
    """One end of a context: `kerberos_talk` with a line for each command."""

    def __init__(self, environment, *arguments, password=None, clock=None):
        command = [*(["faketime", "-f", clock] if clock else []), TALK, *map(str, arguments)]
        environment = {**os.environ, **environment}
        if clock:  # faketime's library comes ahead of the sanitizer's, which would refuse to start
            options = environment.get("ASAN_OPTIONS")
            environment["ASAN_OPTIONS"] = (options + ":" if options else "") + "verify_asan_link_order=0"
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=environment)
        if password is not None:
            self.process.stdin.write(password + "\n")

    def __call__(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def step(self, token=""):
        return json.loads(self("token", token))

    def end(self):
        self.process.stdin.close()
        code = self.process.wait(timeout=servers.PATIENCE)
        self.process.stdout.close()
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.process.stdin.closed:
            self.process.kill()
            self.end()


class KerberosTestCase(leaks.Watched):
    maxDiff = None
    passwords = frozenset(kdc.PASSWORDS.values())

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.realm = kdc.Realm(cls.folder)
        cls.kdc = cls.enterClassContext(cls.realm.kdc())

    def relay(self, *arguments, **how):
        return self.enterContext(kdc.Relay(self.kdc.port, *arguments, **how))

    def first_step(self, environment, user=None, *more, host="host.lab", password=None, timeout=20, clock=None):
        """The step that talks with KDCs. The process has to come to its end by itself after it."""
        if user and password is None:
            password = kdc.PASSWORDS.get(user.replace("\\", "@").split("@")[0], "whatever")
        with Talk(environment, "client", host, timeout, *([user] if user else []), *more, password=password, clock=clock) as talk:
            result = talk.step()
            began = time.monotonic()
            self.assertEqual(talk.end(), 0)
            result["seconds_to_end"] = time.monotonic() - began
        with open(leaks.outputs_of(self.folder) / "steps.json", "a") as steps:
            steps.write(json.dumps(result) + "\n")
        return result

    def expect_talks(self, result, *outcomes):
        self.assertEqual([t["outcome"] for t in result["talks"]], list(outcomes), result)
        for talk in result["talks"]:
            self.assertEqual(bool(talk["words"]), talk["outcome"] != "granted", talk)
            for password in kdc.PASSWORDS.values():
                self.assertNotIn(password, json.dumps(talk))


class Passwords(KerberosTestCase):
    def test_the_right_password_gives_tickets_and_a_context_that_seals(self):
        relay = self.relay()
        environment = self.realm.client(relay.port)
        with Talk(environment, "client", "host.lab", 20, "alice", password=kdc.PASSWORDS["alice"]) as client, \
                Talk(environment, "acceptor") as acceptor:
            first = client.step()
            self.expect_talks(first, "granted", "granted")
            self.assertEqual([t["principal"] for t in first["talks"]], ["alice@LAB.TEST"] * 2)
            self.assertEqual([t["service"] for t in first["talks"]], ["", "TERMSRV/host.lab@LAB.TEST"])
            self.assertEqual((first["failed"], first["accepted"], first["spent"], first["established"]), (False, "alice", True, False))
            for talk in first["talks"]:
                self.assertLess(abs(talk["clock_offset_s"]), 2)
            accepted = acceptor.step(first["token"])
            self.assertEqual(accepted, {"failed": False, "token": accepted["token"], "mutual": True, "sealing": True,
                                        "delegates": False, "client": "alice@LAB.TEST"})
            second = client.step(accepted["token"])
            self.assertEqual((second["failed"], second["established"], second["token"], second["talks"]), (False, True, "", []))
            self.expect_sealing(client, acceptor)
        self.assertEqual(relay.tries, 1)

    def expect_sealing(self, client, acceptor, layout="050406ff0000001c"):
        for _ in range(3):  # sequence numbers count on
            sealed = client("seal", TEXT)
            self.assertTrue(sealed.startswith(layout), sealed)
            self.assertEqual(acceptor("unseal", sealed), TEXT)
            self.assertEqual(client("unseal", acceptor("seal", TEXT)), TEXT)
        self.assertEqual(acceptor("verify", TEXT, client("mic", TEXT)), "verified")
        self.assertEqual(client("verify", TEXT, acceptor("mic", TEXT)), "verified")
        self.assertEqual(client("verify", TEXT, acceptor("mic", "00")), "refused")
        sealed = acceptor("seal", TEXT)
        self.assertEqual(client("unseal", sealed[:-2] + f"{int(sealed[-2:], 16) ^ 1:02x}"), "refused")
        self.assertEqual(client("unseal", client("seal", TEXT)), "refused", "our own, sent back")

    def test_a_wrong_password_is_tried_once(self):
        relay = self.relay()
        result = self.first_step(self.realm.client(relay.port), "alice", password="wrong")
        self.expect_talks(result, "refused")
        self.assertEqual(result["talks"][0]["error_code"], 24)
        self.assertEqual((result["failed"], result["spent"], result["accepted"], relay.tries), (True, True, "", 1))

    def test_a_kdc_found_over_udp_gets_the_password_over_tcp_once(self):
        environment = self.realm.client(self.kdc.port, udp_preference_limit="1465")
        log = self.realm.folder / f"kdc-{self.kdc.port}.log"
        before = log.read_text().count("PREAUTH_FAILED")
        self.expect_talks(self.first_step(environment, "alice", password="wrong"), "refused")
        self.assertEqual(log.read_text().count("PREAUTH_FAILED"), before + 1)
        self.expect_talks(self.first_step(environment, "alice"), "granted", "granted")

    def test_a_kdc_without_tcp_is_told_and_gets_no_password(self):
        with kdc.DatagramRelay(self.kdc.port) as relay:
            result = self.first_step(self.realm.client(relay.port, udp_preference_limit="1465"), "alice")
            self.expect_talks(result, "unreachable")
            self.assertIn("takes no TCP connection", result["talks"][0]["words"])
            self.assertEqual((result["spent"], [m for m in relay.messages if kdc.proofs_in(m)]), (False, []))

    def test_an_unknown_user_leaves_the_password_unspent(self):
        relay = self.relay()
        result = self.first_step(self.realm.client(relay.port), "nobody")
        self.expect_talks(result, "refused")
        self.assertEqual(result["talks"][0]["error_code"], 6)
        self.assertIn("nobody", result["talks"][0]["words"])
        self.assertEqual((result["spent"], relay.tries), (False, 0))

    def test_an_expired_password_and_a_locked_account_are_told_and_spend_it(self):
        for user, code in (("expired", 23), ("locked", 18)):
            with self.subTest(user):
                relay = self.relay()
                result = self.first_step(self.realm.client(relay.port), user)
                self.expect_talks(result, "refused")
                self.assertEqual((result["talks"][0]["error_code"], result["spent"]), (code, True))
                self.assertLessEqual(relay.tries, 1)

    def test_without_preauthentication_the_reply_opens_or_does_not(self):
        relay = self.relay()
        environment = self.realm.client(relay.port)
        self.expect_talks(self.first_step(environment, "open"), "granted", "granted")
        result = self.first_step(environment, "open", password="wrong")
        self.expect_talks(result, "refused")
        self.assertEqual((result["talks"][0]["error_code"], result["spent"], relay.tries), (31, True, 0))
        self.assertIn("does not open", result["talks"][0]["words"])

    def test_an_encryption_type_that_the_kdc_has_no_key_of_is_refused(self):
        relay = self.relay()
        environment = self.realm.client(relay.port, permitted_enctypes="aes256-cts")
        result = self.first_step(environment, "old-open")
        self.expect_talks(result, "refused")
        self.assertEqual((result["talks"][0]["error_code"], result["spent"], relay.tries), (14, False, 0))
        result = self.first_step(environment, "old")  # here MIT's KDC only names the types that it wants proof with
        self.expect_talks(result, "unavailable")
        self.assertIn("encryption type", result["talks"][0]["words"])
        self.assertEqual((result["spent"], relay.tries), (False, 0))

    def test_an_unknown_service_is_told_with_its_name(self):
        relay = self.relay()
        result = self.first_step(self.realm.client(relay.port), "alice", host="nosuch.lab")
        self.expect_talks(result, "granted", "refused")
        self.assertEqual(result["talks"][1]["service"], "TERMSRV/nosuch.lab@LAB.TEST")
        self.assertEqual((result["talks"][1]["error_code"], result["failed"], result["spent"], relay.tries), (7, True, True, 1))

    def test_a_service_that_no_mapping_places_is_told_with_the_realm_that_knew_it(self):
        result = self.first_step(self.realm.client(self.kdc.port), "alice", "LAB", host="localhost")
        self.expect_talks(result, "granted", "granted")
        self.assertEqual(result["talks"][1]["service"], "TERMSRV/localhost@LAB.TEST")

    def test_an_old_cipher_seals_too(self):
        environment = self.realm.client(self.kdc.port, allow_weak_crypto="true")
        with Talk(environment, "client", "old.lab", 20, "alice", password=kdc.PASSWORDS["alice"]) as client, \
                Talk(environment, "acceptor") as acceptor:
            self.assertTrue(client.step(acceptor.step(client.step()["token"])["token"])["established"])
            sealed = client("seal", TEXT)
            self.assertEqual(acceptor("unseal", sealed), TEXT)
            self.assertEqual(client("unseal", acceptor("seal", TEXT)), TEXT)


class Names(KerberosTestCase):
    def test_a_domain_leads_to_its_realm_in_each_way_of_writing(self):
        environment = self.realm.client(self.kdc.port)
        for arguments in (["alice", "LAB"], ["alice", "lab.test"], ["alice", "LAB.TEST"], ["alice@lab.test"], ["alice@LAB"]):
            result = self.first_step(environment, *arguments)
            self.expect_talks(result, "granted", "granted")
            self.assertEqual(result["talks"][0]["principal"], "alice@LAB.TEST")

    def test_a_host_is_asked_for_in_lower_case_and_without_its_last_dot(self):
        result = self.first_step(self.realm.client(self.kdc.port), "alice", host="HOST.Lab.")
        self.expect_talks(result, "granted", "granted")

    def test_a_user_without_a_domain_is_no_business_of_a_realm_that_the_host_is_not_of(self):
        relay = self.relay()
        environment = self.realm.client(relay.port)
        result = self.first_step(environment, "alice", host="host.elsewhere.example")
        self.expect_talks(result, "unavailable")
        self.assertIn("names no domain", result["talks"][0]["words"])
        self.assertEqual((result["spent"], relay.messages), (False, []))
        result = self.first_step(environment, "alice", "", "--insist", host="host.elsewhere.example")
        self.assertEqual(result["talks"][0]["outcome"], "granted")

    def test_a_local_user_and_an_address_are_none_of_kerberos_business(self):
        relay = self.relay()
        environment = self.realm.client(relay.port)
        result = self.first_step(environment, "alice", ".")
        self.expect_talks(result, "unavailable")
        for host in ("127.0.0.1", "::1"):
            result = self.first_step(environment, "alice", host=host)
            self.expect_talks(result, "unavailable")
            self.assertIn("address", result["talks"][0]["words"])
        self.assertEqual((result["spent"], relay.messages), (False, []))

    def test_without_a_configuration_that_is_said(self):
        result = self.first_step({"KRB5_CONFIG": "/no/such/krb5.conf"}, "alice")
        self.expect_talks(result, "unavailable")
        self.assertIn("there is no /no/such/krb5.conf", result["talks"][0]["words"])
        self.assertFalse(result["spent"])


class DeadKdcs(KerberosTestCase):
    def test_a_refused_port_is_no_kdc(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound, not listening
            result = self.first_step(self.realm.client(taken.getsockname()[1]), "alice")
        self.expect_talks(result, "unreachable")
        self.assertEqual((result["failed"], result["spent"]), (True, False))

    def test_what_answers_without_kerberos_is_no_kdc(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def babble():
                while True:
                    try:
                        peer, _ = listener.accept()
                    except OSError:
                        return
                    with peer:
                        peer.recv(65536)
                        peer.sendall((200).to_bytes(4, "big") + b"\xff" * 200)

            threading.Thread(target=babble, daemon=True).start()
            environment = self.realm.client(listener.getsockname()[1], udp_preference_limit="1")
            result = self.first_step(environment, "alice")
            listener.shutdown(socket.SHUT_RDWR)
        self.assertEqual({t["outcome"] for t in result["talks"]}, {"unreachable"}, result)
        self.assertIn("does not speak Kerberos", result["talks"][0]["words"])
        self.assertEqual((result["failed"], result["spent"]), (True, False))

    def test_a_realm_without_kdcs_is_no_kdc(self):
        result = self.first_step(self.realm.client(self.kdc.port), "alice", "OTHER.TEST")
        self.assertEqual({t["outcome"] for t in result["talks"]}, {"unreachable"})
        self.assertFalse(result["spent"])

    def test_a_silent_kdc_takes_no_more_than_the_deadline_and_holds_no_exit_up(self):
        for preference in ("1", "1465"):  # TCP first, UDP first
            with self.subTest(preference), kdc.silent_port() as port:
                environment = self.realm.client(port, udp_preference_limit=preference)
                result = self.first_step(environment, "alice", timeout=0.5)
                self.expect_talks(result, "timeout")
                self.assertEqual(result["talks"][0]["principal"], "alice@LAB.TEST")
                self.assertEqual((result["failed"], result["spent"]), (True, False))
                self.assertLess(result["seconds"], 1.5)
                self.assertLess(result["seconds_to_end"], 1.5)

    def test_the_next_kdc_is_asked_when_the_first_is_dead_but_gets_no_password_twice(self):
        relay = self.relay()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            environment = self.realm.client(taken.getsockname()[1], relay.port)
            self.expect_talks(self.first_step(environment, "alice"), "granted", "granted")
        self.assertEqual(relay.tries, 1)

    def test_a_kdc_that_falls_silent_on_the_password_hands_it_to_no_other(self):
        for instead, outcome in (("close", "unreachable"), ("silence", "timeout")):
            with self.subTest(instead):
                first, second = self.relay(kdc.proofs_in, instead=instead), self.relay()
                result = self.first_step(self.realm.client(first.port, second.port), "alice", timeout=3)
                self.expect_talks(result, outcome)
                self.assertEqual((result["spent"], first.tries, second.tries), (True, 1, 0))

    def test_one_that_is_left_behind_sends_no_password_later(self):
        """The first answer comes after the deadline: nobody waits for it, and it asks for the password."""
        relay = self.relay()
        late = Late(relay.port)
        self.addCleanup(late.end)
        with Talk(self.realm.client(late.port), "client", "host.lab", 0.3, "alice", password=kdc.PASSWORDS["alice"]) as talk:
            result = talk.step()
            self.expect_talks(result, "timeout")
            late.answer()
            servers.until(lambda: late.left, "the thread that was left behind comes to its end")
            self.assertEqual((talk.step()["spent"], relay.tries), (False, 0))


class Late:
    """A relay that keeps the first answer back until it is told to give it."""

    def __init__(self, port):
        import threading
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.left, self.may = self.listener.getsockname()[1], False, threading.Event()
        self.thread = threading.Thread(target=self.serve, args=(port,), daemon=True)
        self.thread.start()

    def serve(self, port):
        connection, _ = self.listener.accept()
        with connection, socket.create_connection(("127.0.0.1", port)) as relay:
            connection.settimeout(servers.PATIENCE)
            message = kdc.read_message(connection)
            relay.sendall(len(message).to_bytes(4, "big") + message)
            answer = kdc.read_message(relay)
            self.may.wait(servers.PATIENCE)
            connection.sendall(len(answer).to_bytes(4, "big") + answer)
            while connection.recv(1000):
                pass
        self.left = True

    def answer(self):
        self.may.set()

    def end(self):
        self.may.set()
        self.listener.close()


class Clocks(KerberosTestCase):
    def test_a_clock_that_is_wrong_is_measured_and_corrected_for(self):
        with self.realm.kdc(clock="-2h") as slow, kdc.Relay(slow.port) as relay:
            environment = self.realm.client(relay.port)
            with Talk(environment, "client", "host.lab", 20, "alice", password=kdc.PASSWORDS["alice"]) as client, \
                    Talk(environment, "acceptor", clock="-2h") as acceptor:
                first = client.step()
                self.expect_talks(first, "granted", "granted")
                for talk in first["talks"]:
                    self.assertAlmostEqual(talk["clock_offset_s"], -7200, delta=5)
                self.assertFalse(acceptor.step(first["token"])["failed"], "the authenticator has the KDC's time")
            self.assertEqual(relay.tries, 1)

    def test_a_skew_that_the_kdc_refuses_is_told_with_its_size(self):
        with self.realm.kdc(clock="+3h") as fast, kdc.Relay(fast.port) as relay:
            result = self.first_step(self.realm.client(relay.port, kdc_timesync="0"), "alice")
            self.expect_talks(result, "refused")
            self.assertEqual(result["talks"][0]["error_code"], 37)
            self.assertAlmostEqual(result["talks"][0]["clock_offset_s"], 10800, delta=5)
            self.assertEqual(relay.tries, 1)


class Caches(KerberosTestCase):
    def test_the_tickets_of_a_cache_are_used_and_the_cache_is_left_as_it_was(self):
        relay = self.relay()
        environment = self.realm.sign_in(self.realm.client(self.kdc.port))
        environment = {**environment, "KRB5_CONFIG": self.realm.client(relay.port)["KRB5_CONFIG"]}
        cache = pathlib.Path(environment["KRB5CCNAME"].removeprefix("FILE:"))
        before = cache.read_bytes()
        result = self.first_step(environment, None)
        self.expect_talks(result, "granted")
        (talk,) = result["talks"]
        self.assertEqual((talk["principal"], talk["service"], talk["from_cache"]), ("alice@LAB.TEST", "TERMSRV/host.lab@LAB.TEST", True))
        self.assertEqual((result["failed"], result["accepted"], relay.tries), (False, "", 0))
        self.assertEqual(cache.read_bytes(), before)

    def test_a_cache_that_is_not_there_is_told(self):
        result = self.first_step(self.realm.client(self.kdc.port), None)
        self.expect_talks(result, "unavailable")
        self.assertIn("no-such-cache", result["talks"][0]["words"])
        self.assertTrue(result["talks"][0]["from_cache"])

    def test_an_expired_ticket_is_told(self):
        servers.require("faketime")
        relay = self.relay()
        environment = {**self.realm.sign_in(self.realm.client(self.kdc.port)), "KRB5_CONFIG": self.realm.client(relay.port)["KRB5_CONFIG"]}
        result = self.first_step(environment, None, clock="+20h")
        self.assertTrue(result["failed"])
        self.assertIn("expired", result["talks"][-1]["words"].lower())
