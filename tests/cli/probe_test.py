"""probe and lab from outside: every scenario of the lab is probed, reported and judged."""
import concurrent.futures
import json
import os
import signal
import socket
import stat
import subprocess
import tempfile

from program import PROGRAM, Case, main, run


def fails_slowly(scenario):
    """It needs a deadline to pass."""
    return scenario.startswith("silent") or scenario == "one-octet-a-second"


def several_at_once(work, names):
    """(name, result) of each, in order: they pace themselves and wait for deadlines, so several at a time."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return list(zip(names, pool.map(work, names)))


def probe_of_scenario(scenario):
    with Lab(scenario) as target:
        return run("--json", "--timeout", "1" if fails_slowly(scenario) else "5", target)


class Lab:
    def __init__(self, scenario):
        self.process = subprocess.Popen([PROGRAM, "lab", scenario], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return f"127.0.0.1:{self.port}"

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.code = self.process.wait(timeout=20)
        self.process.stdout.close()


def scenarios():
    """Names, without the number that may follow some."""
    return [line.split()[0].split("[")[0] for line in run("lab", "--list").stdout.decode().splitlines() if not line.startswith(" ")]


class Probe(Case):
    def test_each_scenario_obeys_the_schema_and_the_exit_code_follows_the_report(self):
        for scenario, finished in several_at_once(probe_of_scenario, scenarios()):
            with self.subTest(scenario):
                (report,) = self.handshakes(finished)
                stopped = "stopped" in [phase["status"] for phase in report["phases"]]  # at the challenge, without credentials
                as_asked = report["failed"] is None and (stopped or report["reached"] == report["run"]["until"])
                self.assertEqual(finished.returncode, 0 if as_asked else 1)
                self.assertEqual(finished.stderr, b"")
                certain = [c["id"] for c in report["diagnosis"]["causes"] if c["confidence"] == "certain"]
                self.assertLessEqual(len(certain), 1, certain)

    def test_text_leads_with_one_sentence_and_colour_comes_only_when_asked(self):
        with Lab("alert-70") as target:
            plain = run(target).stdout.decode()
            self.assertTrue(plain.startswith(f"{target}: FAILED in TLS"), plain)
            self.assertIn("no-common-tls-version", plain)
            self.assertNotIn("\x1b", plain)
            self.assertIn("\x1b[", run("--color", "always", target).stdout.decode())

    def test_an_interrupted_probe_reports_what_was_seen_and_keeps_its_capture(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listener:
                path = os.path.join(folder, "x.pcapng")
                target = f"127.0.0.1:{listener.getsockname()[1]}"
                process = subprocess.Popen([PROGRAM, "--json", "--timeout", "600", "--write-capture", path, target, "192.0.2.1"],
                                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                peer, _ = listener.accept()
                with peer:
                    self.assertTrue(peer.recv(100))  # the Connection Request, to which no answer comes
                    process.send_signal(number)
                    while peer.recv(100):  # ended in order
                        pass
                out, talk = process.communicate(timeout=60)
                self.assertEqual(process.returncode, 1)
                self.assertIn(b"interrupted", talk)
                (report,) = self.handshakes(subprocess.CompletedProcess([], 1, out, talk))
                self.assertEqual(report["reached"], "tcp")
                self.assertNotIn("certain", [c["confidence"] for c in report["diagnosis"]["causes"]])
                self.assertGreater(os.path.getsize(path), 500)
                self.assertEqual(run("replay", path).returncode, 1)

    def test_a_capture_that_is_replaced_or_written_elsewhere_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            path, link = os.path.join(folder, "x.pcapng"), os.path.join(folder, "link.pcapng")
            self.assertEqual(run("127.0.0.1:1", "--write-capture", path).stderr, b"")
            self.assertIn(b"existed and is replaced", run("127.0.0.1:1", "--write-capture", path).stderr)
            os.symlink(os.path.join(folder, "new.pcapng"), link)
            self.assertIn(b"is a symbolic link", run("127.0.0.1:1", "--write-capture", link).stderr)

    def test_a_closed_port_is_refused_and_known(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound, not listening: nobody else gets it meanwhile
            finished = run("--json", f"127.0.0.1:{taken.getsockname()[1]}")
        (report,) = self.handshakes(finished)
        self.assertEqual(finished.returncode, 1)
        self.assertEqual(report["failed"]["ending"]["how"], "refused")
        self.assertEqual(report["diagnosis"]["causes"][0]["id"], "port-closed")
        self.assertEqual(report["diagnosis"]["mstsc"]["code"], "0x204")

    def test_the_highest_exit_code_of_several_targets_counts(self):
        with Lab("valid") as good, Lab("failure-5") as bad:
            finished = run("--json", good, bad)
            self.assertEqual(finished.returncode, 1)
            first, second = self.handshakes(finished)
            self.assertIsNone(first["failed"])
            self.assertEqual(second["diagnosis"]["causes"][0]["id"], "nla-required")

    def test_saw_says_whether_this_failure_can_show_as_that(self):
        with Lab("resets-after-client-hello") as target:
            for saw, fits in (("0x904,0x7", "yes"), ("0x204", "no"), ("0x104", "no"), ("0x807", "no"), ("0x507", "unknown")):
                (report,) = self.handshakes(run("--json", "--saw", saw, target))
                self.assertEqual(report["diagnosis"]["saw"]["fits"], fits, saw)
        with Lab("failure-5") as target:
            (report,) = self.handshakes(run("--json", "--saw", "0x204", target))
            self.assertIn("the server said no", report["diagnosis"]["saw"]["says"])
            self.assertNotIn("_", report["diagnosis"]["saw"]["says"])

    def test_until_stops_where_asked(self):
        with Lab("resets-after-client-hello") as target:
            for until, reached in (("tcp", "tcp"), ("x224", "x224")):
                finished = run("--json", "--until", until, target)
                (report,) = self.handshakes(finished)
                self.assertEqual((finished.returncode, report["reached"], report["failed"]), (0, reached, None))
                self.assertEqual(report["diagnosis"]["causes"][0]["id"], "handshake-complete")

    def test_capture_and_key_log_are_private_and_replay_to_the_same_facts(self):
        with tempfile.TemporaryDirectory() as folder, Lab("valid") as target:
            capture, secrets = os.path.join(folder, "x.pcapng"), os.path.join(folder, "x.keys")
            (live,) = self.handshakes(run("--json", "--write-capture", capture, "--keylog", secrets, target))
            for path in (capture, secrets):
                self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
                self.assertGreater(os.path.getsize(path), 100)
            finished = run("replay", "--json", capture)
            (offline,) = self.handshakes(finished)
            for key in ("version", "cipher", "group", "certificates", "certificate_problems", "offered", "ja3s", "ja4s"):
                self.assertEqual(live["tls"][key], offline["tls"][key], key)
            self.assertEqual(live["x224"], offline["x224"])
            self.assertEqual([e["what"] for e in live["evidence"] if not e.get("live_only")],
                             [e["what"] for e in offline["evidence"]])

    def test_security_and_cookie_are_sent_as_told(self):
        with Lab("valid") as target:
            (report,) = self.handshakes(run("--json", "--security", "tls", "--cookie", "somebody", target))
            self.assertEqual(report["x224"]["requested_protocols"], ["SSL"])
            self.assertEqual(report["x224"]["cookie"], "somebody")
            (report,) = self.handshakes(run("--json", "--security", "none", "--cookie", "", target))
            self.assertEqual((report["x224"]["requested_protocols"], report["x224"]["cookie"]), (None, None))
            (report,) = self.handshakes(run("--json", "--tls-max", "1.2", "--ciphers", "ECDHE-RSA-AES128-GCM-SHA256", target))
            self.assertEqual(report["tls"]["cipher"]["name"], "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")

    def test_a_redirection_is_told_and_followed_only_when_asked(self):
        deep = ("--until", "finalization", "--create-session")
        with Lab("redirects-to-rdstls") as target:
            (report,) = self.handshakes(run("--json", *deep, target))
            self.assertEqual(report["diagnosis"]["causes"][0]["id"], "redirected")
            self.assertIn("--follow-redirection", " ".join(report["diagnosis"]["causes"][0]["fix"]))
        with tempfile.TemporaryDirectory() as folder, Lab("redirects-to-rdstls") as target:
            path = os.path.join(folder, "x.pcapng")
            finished = run("--json", *deep, "--follow-redirection", "--write-capture", path, target)
            first, second = self.handshakes(finished)
            self.assertEqual(finished.returncode, 0)  # of the second, which went as far as asked
            self.assertEqual(first["redirection"]["session_id"], 7)
            self.assertNotIn("redirected_from", first["source"])
            self.assertEqual(second["source"]["redirected_from"], target)
            self.assertEqual((second["reached"], second["failed"]), ("finalization", None))
            self.assertEqual(second["x224"]["routing_token"], "Cookie: msts=16777343.15629.0000")
            self.assertEqual(second["x224"]["selected_protocol"], "RDSTLS")
            self.assertIn("follows the redirection", second["remarks"][0])
            text = run(*deep, "--follow-redirection", "--explain", target)
            self.assertIn(b", redirected: ", text.stdout)
            replayed = self.handshakes(run("replay", "--json", path))
            self.assertEqual([r["reached"] for r in replayed], ["licensing", "finalization"])
            for out in (finished.stdout, text.stdout, text.stderr):
                self.assertNotIn(b"handed-out-for-one-connection", out)

    def test_a_redirection_is_followed_from_where_servers_redirect(self):
        self.complains(run("--follow-redirection", "127.0.0.1:1"), "--follow-redirection needs --until")

    def test_server_name_is_the_host_or_what_is_told_or_nothing(self):
        with Lab("valid") as target:
            target = target.replace("127.0.0.1", "localhost")
            for options, name in (([], "localhost"), (["--server-name", "other.example"], "other.example"), (["--server-name", ""], None)):
                (report,) = self.handshakes(run("--json", "-4", *options, target))
                self.assertEqual(report["tls"]["offered"]["server_name"], name)

    def test_the_source_is_the_target_and_not_the_proxy(self):
        for host, address in (("192.0.2.7", {"address": "192.0.2.7"}), ("nosuch.invalid", {})):
            with socket.socket() as taken:
                taken.bind(("127.0.0.1", 0))
                finished = run("--json", "--proxy", f"http://127.0.0.1:{taken.getsockname()[1]}", f"{host}:3390")
            (report,) = self.handshakes(finished)
            self.assertEqual(report["source"], {"kind": "live", "transport": "tcp", "target": f"{host}:3390", "port": 3390, **address})

    def test_our_own_octets_are_no_oddity(self):
        with Lab("valid") as target:
            (report,) = self.handshakes(run("--json", target))
            self.assertNotIn("odd-message", [w["id"] for w in report["diagnosis"]["warnings"]])

    def test_an_offer_that_cannot_be_made_is_a_usage_error(self):
        finished = run("127.0.0.1:1", "--ciphers", "0xfefe")
        self.assertEqual(finished.returncode, 2)
        self.complains(finished, "cipher")

    def test_an_rdp_file_is_a_target_and_its_remarks_are_told(self):
        with tempfile.TemporaryDirectory() as folder, Lab("valid") as target:
            path = os.path.join(folder, "office.RDP")
            with open(path, "wb") as file:
                file.write(f"full address:s:{target}\r\nenablecredsspsupport:i:0\r\n".encode("utf-16"))
            (report,) = self.handshakes(run("--json", path))
            self.assertEqual(report["x224"]["requested_protocols"], ["SSL"])
            self.assertTrue(report["remarks"])


class Experiments(Case):
    def test_they_are_told_and_named_by_the_findings_that_rest_on_them(self):
        with Lab("resets-large-hello") as target:
            (report,) = self.handshakes(run("--json", target))
            made = {e["id"]: e for e in report["experiments"]}
            self.assertEqual(made["small-client-hello"]["outcome"], "passed")
            self.assertEqual(made["same-again-2"]["outcome"], "same_ending")
            first = report["diagnosis"]["causes"][0]
            self.assertEqual((first["id"], first["confidence"]), ("client-hello-intolerance", "likely"))
            self.assertIn("small-client-hello", first["because"])
            text = run(target).stdout.decode()
            self.assertIn("Tried, one change at a time", text)
            self.assertLessEqual(max(map(len, text.splitlines())), 80)

    def test_none_are_made_where_none_are_needed_or_wanted(self):
        for scenario in ("valid", "failure-5", "alert-70"):
            with Lab(scenario) as target:
                (report,) = self.handshakes(run("--json", target))
                self.assertEqual(report["experiments"], [], scenario)
        with Lab("resets-after-client-hello") as target:
            for none in (["--no-experiments"], ["--max-experiments", "0"]):
                (report,) = self.handshakes(run("--json", *none, target))
                self.assertEqual(report["experiments"], [])
                self.assertEqual(report["diagnosis"]["causes"][0]["confidence"], "possible")
            (report,) = self.handshakes(run("--json", "--max-experiments", "2", target))
            self.assertEqual(len(report["experiments"]), 2)

    def test_a_signal_ends_them_and_what_was_seen_is_reported(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            target = f"127.0.0.1:{listener.getsockname()[1]}"
            process = subprocess.Popen([PROGRAM, "--json", "--timeout", "600", target], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            first, _ = listener.accept()
            first.recv(100)
            first.close()
            second, _ = listener.accept()
            with second:
                self.assertTrue(second.recv(100))  # the same again, which waits for an answer
                process.send_signal(signal.SIGINT)
                while second.recv(100):
                    pass
            out, talk = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1)
        self.assertIn(b"interrupted", talk)
        (report,) = self.handshakes(subprocess.CompletedProcess([], 1, out, talk))
        self.assertEqual((report["reached"], report["experiments"]), ("tcp", []))

    def test_repetitions_are_counted_by_their_endings(self):
        with Lab("refuses-every-second") as target:
            finished = run("--json", "--max-experiments", "0", "--repeat", "4", target)
            (report,) = self.handshakes(finished)
            self.assertEqual(finished.returncode, 1)
            self.assertEqual((report["repetitions"]["made"], [e["count"] for e in report["repetitions"]["endings"]]), (4, [2, 2]))
            self.assertIn("flaky-path", [w["id"] for w in report["diagnosis"]["warnings"]])
        with Lab("valid") as target:
            finished = run("--repeat", "3", target)
            self.assertEqual(finished.returncode, 0)
            self.assertIn(b"3 of 3 went through", finished.stdout)

    def test_a_run_with_a_password_makes_them_too_and_does_not_tell_it(self):
        with Lab("closes-after-request") as target:
            finished = run("--json", "--user", "alice", target, env={"RDPWHY_PASSWORD": "open-for-tests"})
            (report,) = self.handshakes(finished)
            self.assertTrue(report["experiments"])
            self.assertNotIn(b"open-for-tests", finished.stdout + finished.stderr)


class LabVerb(Case):
    def test_all_scenarios_are_served_at_once(self):
        process = subprocess.Popen([PROGRAM, "lab", "--all"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        with process.stdout:
            names = [process.stdout.readline().decode().split()[1] for _ in scenarios()]
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(timeout=60), 0)
        self.assertEqual(names, scenarios())

    def test_it_serves_until_told_to_end(self):
        lab = Lab("failure-3")
        with lab as target:
            host, port = target.split(":")
            socket.create_connection((host, int(port)), timeout=5).close()
        self.assertEqual(lab.code, 0)

    def test_the_demo_explains_a_failure(self):
        finished = run("lab", "--demo")
        self.assertEqual(finished.returncode, 0)
        self.assertIn(b"server-private-key-unreadable", finished.stdout)
        quick = [scenario for scenario in scenarios() if not fails_slowly(scenario)]
        for scenario, finished in several_at_once(lambda scenario: run("lab", scenario, "--demo"), quick):
            lines = finished.stdout.decode().splitlines()
            self.assertLessEqual(max(map(len, lines)), 80, lines)
            self.assertIn(f'"{scenario}": ', lines[0])


if __name__ == "__main__":
    main()
