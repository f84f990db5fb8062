"""Who logs on and with what: passwords come in by file, pipe, environment and terminal, and never come out again."""
import contextlib
import fcntl
import os
import pty
import signal
import socket
import subprocess
import tempfile
import termios
import time

from program import PROGRAM, Case, main, run

PASSWORD = "Zw\u00f6lf-Boxk\u00e4mpfer-12"
NOWHERE = "127.0.0.1:1"
PATIENCE = 30  # seconds; a bound for a broken machine, nothing waits for it


@contextlib.contextmanager
def silent_server():
    """Accepts and says nothing: a program that talks to it can be looked at meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener, f"127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def lab(scenario):
    process = subprocess.Popen([PROGRAM, "lab", scenario], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        yield f"127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=PATIENCE)
        process.stdout.close()


class Folder(Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def file(self, octets, name="password"):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(octets)
        return path

    def expect_no_password(self, finished):
        for octets in (finished.stdout, finished.stderr):
            for form in (PASSWORD.encode(), PASSWORD.encode("utf-16-le")):
                self.assertNotIn(form, octets)


class Usage(Folder):
    def test_what_cannot_be_meant_is_a_usage_error(self):
        path = self.file(PASSWORD.encode())
        given = ["--password-file", path]
        for arguments in (["--domain", "LAB"], given, ["--user", "alice"], ["--user", "", *given], ["--user", "a\tb", *given],
                          ["--user", "LAB\\alice", "--domain", "LAB", *given], ["--user", "alice@lab", "--domain", "LAB", *given],
                          ["--user", "alice@", *given], ["--user", "@", *given], ["--user", "@lab", *given], ["--user", "\\alice", *given], ["--user", "LAB\\", *given], ["--user", "a\\b\\c", *given],
                          ["--user", "x" * 300, *given], ["--user", "alice", *given, "--auth", "none"],
                          ["--user", "alice", *given, "--security", "tls"], ["--auth", "magic"], ["--credssp-version", "7"],
                          ["--credssp-version", "1"], ["--until", "authorization"], ["--until", "credssp", "--security", "tls"],
                          ["--until", "credssp", "--auth", "none"], ["--no-capture-secrets"]):
            finished = run(NOWHERE, *arguments)
            self.assertEqual(finished.returncode, 2, (arguments, finished.stderr))
            self.complains(finished)

    def test_there_is_no_option_for_the_password_itself(self):
        for option in ("--password", "-p"):
            finished = run(NOWHERE, "--user", "alice", option, PASSWORD)
            self.assertEqual(finished.returncode, 2)

    def test_without_a_source_and_a_terminal_the_password_is_missed_in_words(self):
        finished = run(NOWHERE, "--user", "alice")
        self.assertEqual(finished.returncode, 2)
        self.complains(finished, "--password-file", "RDPWHY_PASSWORD")


class Sources(Folder):
    def test_one_line_with_or_without_its_end_is_a_password(self):
        for end in (b"", b"\n", b"\r\n"):
            finished = run(NOWHERE, "--user", "LAB\\alice", "--password-file", self.file(PASSWORD.encode() + end))
            self.assertEqual((finished.returncode, finished.stderr), (1, b""))
            self.expect_no_password(finished)

    def test_what_is_no_password_is_refused_before_anything_is_sent(self):
        for octets, word in ((b"", "empty"), (b"\n", "empty"), (b"\r\n", "empty"), (b"\xef\xbb\xbf\n", "empty"), (b"one\ntwo\n", "more than one line"), (b"\xff\xe9", "not UTF-8"), ("pass\r\n".encode("utf-16"), "UTF-16"), ("pass\n".encode("utf-16-le"), "UTF-16"), ("pass".encode("utf-16-be"), "UTF-16"), (b"a\0b", "NUL"),
                             (b"x" * 513, "longer"), (b"x" * 100000, "longer")):
            finished = run(NOWHERE, "--user", "alice", "--password-file", self.file(octets))
            self.assertEqual(finished.returncode, 3, octets[:20])
            self.complains(finished, word)
        for path in (os.path.join(self.folder, "missing"), self.folder):
            finished = run(NOWHERE, "--user", "alice", "--password-file", path)
            self.assertEqual(finished.returncode, 3)
            self.complains(finished, "cannot read")

    def test_the_longest_password_is_one(self):
        self.assertEqual(run(NOWHERE, "--user", "alice", "--password-file", self.file(b"x" * 512 + b"\r\n")).returncode, 1)

    def test_a_byte_order_mark_is_no_part_of_a_password(self):
        marked = self.file(b"\xef\xbb\xbf" + b"x" * 512 + b"\r\n")  # with the mark it would be too long
        self.assertEqual(run(NOWHERE, "--user", "alice", "--password-file", marked).returncode, 1)

    def test_pipes_are_waited_for(self):
        for name in ("-", "/dev/stdin"):
            reader, writer = os.pipe()
            process = subprocess.Popen([PROGRAM, NOWHERE, "--user", "alice", "--password-file", name], stdin=reader,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            os.close(reader)
            os.write(writer, PASSWORD.encode()[:5])
            os.write(writer, PASSWORD.encode()[5:] + b"\n")
            os.close(writer)
            stdout, stderr = process.communicate(timeout=PATIENCE)
            self.assertEqual((process.returncode, stderr), (1, b""), stdout)

    def test_an_rdp_file_says_whose_password_it_is(self):
        password = self.file(PASSWORD.encode())
        named = self.file(f"full address:s:{NOWHERE}\r\nusername:s:LAB\\alice\r\n".encode(), "named.rdp")
        nameless = self.file(f"full address:s:{NOWHERE}\r\n".encode(), "nameless.rdp")
        self.assertEqual(run(named, "--password-file", password).returncode, 1)
        finished = run(nameless, "--password-file", password)
        self.assertEqual(finished.returncode, 2)
        self.complains(finished, "--user")

    def test_the_environment_is_emptied_at_once_and_no_core_can_be_had(self):
        environment = {**os.environ, "RDPWHY_PASSWORD": PASSWORD}
        with silent_server() as (listener, target):
            process = subprocess.Popen([PROGRAM, target, "--user", "alice", "--timeout", "1"], env=environment,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            listener.settimeout(PATIENCE)
            connection, _ = listener.accept()  # it runs now, and waits for us
            with connection, open(f"/proc/{process.pid}/limits") as limits:
                core = next(line for line in limits if line.startswith("Max core file size"))
                self.assertEqual(core.split()[4:6], ["0", "0"])
                self.assertEqual(os.stat(f"/proc/{process.pid}/environ").st_uid, 0, "not dumpable: the kernel owns it")
                with contextlib.suppress(PermissionError), open(f"/proc/{process.pid}/environ", "rb") as seen:
                    shown = seen.read()
                    self.assertNotIn(PASSWORD.encode(), shown)
                    self.assertIn(b"PATH=", shown)
            stdout, stderr = process.communicate(timeout=PATIENCE)
            self.assertEqual((process.returncode, stderr), (1, b""))
            self.assertNotIn(PASSWORD.encode(), stdout)

    def test_an_empty_variable_is_none(self):
        finished = run(NOWHERE, "--user", "alice", env={"RDPWHY_PASSWORD": ""})
        self.assertEqual(finished.returncode, 2)


class Terminal:
    """The program with a terminal of its own."""

    def __init__(self, *arguments):
        self.main, worker = pty.openpty()
        self.before = termios.tcgetattr(worker)
        self.worker = worker
        self.process = subprocess.Popen([PROGRAM, *arguments], stdin=worker, stdout=subprocess.PIPE, stderr=worker,
                                        start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        os.close(self.main)
        os.close(self.worker)

    def read_until(self, text):
        seen, deadline = b"", time.monotonic() + PATIENCE
        while text not in seen:
            if time.monotonic() > deadline:
                raise TimeoutError(seen)
            seen += os.read(self.main, 1000)
        return seen

    def type(self, octets):
        os.write(self.main, octets)

    def echoes(self):
        return bool(termios.tcgetattr(self.worker)[3] & termios.ECHO)


class Prompt(Folder):
    def test_a_terminal_is_asked_without_echo_and_left_as_it_was(self):
        with Terminal(NOWHERE, "--user", "LAB\\alice") as terminal:
            terminal.read_until(b"Password for LAB\\alice: ")
            self.assertFalse(terminal.echoes())
            terminal.type(PASSWORD.encode() + b"\n")
            shown = terminal.read_until(b"\n")
            self.assertNotIn(PASSWORD.encode(), shown)
            self.assertEqual(terminal.process.wait(timeout=PATIENCE), 1)
            self.assertEqual(termios.tcgetattr(terminal.worker), terminal.before)

    def test_an_interrupt_leaves_the_terminal_as_it_was(self):
        with Terminal(NOWHERE, "--user", "alice") as terminal:
            terminal.read_until(b"Password for alice: ")
            terminal.type(b"\x03")
            self.assertEqual(terminal.process.wait(timeout=PATIENCE), -signal.SIGINT)
            self.assertEqual(termios.tcgetattr(terminal.worker), terminal.before)

    def test_enter_alone_is_no_password(self):
        with Terminal(NOWHERE, "--user", "alice") as terminal:
            terminal.read_until(b"Password for alice: ")
            terminal.type(b"\n")
            terminal.read_until(b"no password was typed")
            self.assertEqual(terminal.process.wait(timeout=PATIENCE), 3)


class Etiquette(Folder):
    def test_the_first_of_several_targets_gets_the_password_and_the_others_say_so(self):
        finished = run("--json", NOWHERE, "127.0.0.1:2", "--user", "alice", "--password-file", self.file(PASSWORD.encode()))
        first, second = self.handshakes(finished)
        self.assertNotIn("remarks", first)
        self.assertIn(f"first target only ({NOWHERE})", second["remarks"][0])
        self.assertIn(f"2 targets: the logon is tried at {NOWHERE} only", finished.stderr.decode())
        text = " ".join(run(NOWHERE, "127.0.0.1:2", "--user", "alice", "--password-file", self.file(PASSWORD.encode())).stdout.decode().split())
        self.assertEqual(text.count("here nobody logs on"), 1)

    def test_the_password_goes_to_no_second_target_whatever_became_of_the_first(self):
        logon = ["--user", "alice", "--password-file", self.file(b"open-for-tests"), "--auth", "ntlm", "--until", "authorization"]
        with contextlib.ExitStack() as stack:
            good, other, refusing = (stack.enter_context(lab(scenario)) for scenario in ("nla", "nla", "credssp-error"))
            for targets, code, users in (((good, other), 0, ["alice", None]), ((refusing, other), 1, ["alice", None]),
                                         ((NOWHERE, other), 1, [None, None]), ((good, NOWHERE), 1, ["alice", None]),
                                         ((good, refusing), 0, ["alice", None])):
                capture = os.path.join(self.folder, "z.pcapng")
                finished = run("--json", *targets, *logon, "--write-capture", capture)
                self.assertEqual(finished.returncode, code, (targets, finished.stdout))
                reports = self.handshakes(finished)
                self.assertEqual([report.get("credssp", {}).get("user") for report in reports], users)
                # What was sent, by the capture and not by our own word.
                replayed = self.handshakes(run("replay", "--json", capture))
                self.assertEqual([r["credssp"]["user"] for r in replayed if "user" in r.get("credssp", {})], [user for user in users if user])

    def test_a_capture_of_a_logon_is_warned_of_unless_it_holds_no_secrets(self):
        capture, keys = os.path.join(self.folder, "x.pcapng"), os.path.join(self.folder, "x.keys")
        logon = ["--user", "alice", "--password-file", self.file(PASSWORD.encode())]
        self.assertIn(b"--no-capture-secrets", run(NOWHERE, *logon, "--write-capture", capture).stderr)
        self.assertEqual(run(NOWHERE, *logon, "--write-capture", capture + "2", "--no-capture-secrets").stderr, b"")
        self.assertIn(b"x.keys", run(NOWHERE, *logon, "--keylog", keys).stderr)
        self.assertEqual(run(NOWHERE, "--write-capture", capture + "3").stderr, b"")

    def test_a_capture_without_secrets_has_none(self):
        with lab("valid") as target:
            for options, expected in (([], True), (["--no-capture-secrets"], False)):
                path = os.path.join(self.folder, "y.pcapng")
                run(target, "--write-capture", path, *options)
                with open(path, "rb") as file:
                    self.assertEqual(b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" in file.read(), expected)


if __name__ == "__main__":
    main()
