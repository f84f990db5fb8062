"""What a person types: verbs, usage errors, codes, causes."""
import json
import os
import subprocess
import tempfile

from program import PROGRAM, Case, main, run


class Usage(Case):
    def test_no_arguments_show_the_usage_on_stderr(self):
        finished = run()
        self.assertEqual(finished.returncode, 2)
        self.assertEqual(finished.stdout, b"")
        self.assertIn(b"usage: rdpwhy", finished.stderr)

    def test_help_and_version_are_results(self):
        for argument in ("--help", "-h", "--version"):
            finished = run(argument)
            self.assertEqual((finished.returncode, finished.stderr), (0, b""))
            self.assertIn(b"rdpwhy", finished.stdout)
        for verb in ("probe", "replay", "explain", "causes", "lab"):
            self.assertEqual(run(verb, "--help").returncode, 0)

    def test_bad_arguments_are_usage_errors(self):
        for arguments in (["probe"], ["probe", "--nonsense", "x"], ["replay"], ["explain"], ["causes", "no-such-cause"], ["lab"],
                          ["lab", "no-such-scenario"], ["host:99999"], ["host:x"], ["x", "--until", "licensing"],
                          ["x", "--until", "nowhere"], ["x", "--timeout", "0"], ["x", "--timeout", "nan"], ["x", "--timeout", "-1"],
                          ["x", "--security", "tsl"], ["x", "--security", "none,tls"], ["x", "--tls-min", "1.3", "--tls-max", "1.2"],
                          ["x", "--tls-min", "2.0"], ["x", "--encryption-methods", "41"],
                          ["x", "--encryption-methods", "none,40"], ["x", "--enumerate-encryption", "--no-experiments"], ["x", "--max-experiments", "24"],
                          ["x", "--max-experiments", "3", "--no-experiments"], ["lab", "--all", "valid"], ["x", "--repeat", "0"], ["x", "--repeat", "3", "--user", "alice"],
                          ["x", "--ciphers", "TLS_NO_SUCH_SUITE"], ["127.0.0.1:1", "--ciphers", "0xfefe"],
                          ["x", "--signature-algorithms", "ed2551"], ["127.0.0.1:1", "--signature-algorithms", "0xfefe"], ["x", "--saw", "zero"], ["x", "--saw=-1"], ["x", "--saw", "904"], ["x", "-4", "-6"],
                          ["x", "--color", "pink"], ["x", "--proxy", "ftp://x"], ["x", "--cookie", "a\nb"], ["x", "--cookie", "c" * 300],
                          ["explain", "--hex", "0g"], ["explain", "--json", "--hex", "03"], ["explain", "0x7", "--hex", "03"], ["lab", "silent", "--port", "70000"]):
            finished = run(*arguments)
            self.assertEqual(finished.returncode, 2, arguments)
            self.complains(finished)

    def test_an_empty_value_is_no_default(self):
        for option in ("--until", "--security", "--tls-min", "--tls-max", "--ciphers", "--proxy", "--saw", "--ca", "--resolve",
                       "--write-capture", "--keylog"):
            for arguments in ([option, ""], [option + "="]):
                finished = run("127.0.0.1:1", *arguments)
                self.assertEqual(finished.returncode, 2, arguments)
                self.complains(finished, f"{option}: nothing given")
        for option in ("--server-name", "--cookie"):  # these have a meaning when empty
            for arguments in ([option, ""], [option + "="]):
                self.assertEqual(run("127.0.0.1:1", *arguments).returncode, 1, arguments)

    def test_an_interface_that_is_not_there_is_no_name_without_an_address(self):
        finished = run("[fe80::1%nosuch0]")
        self.assertEqual(finished.returncode, 3)
        self.complains(finished, 'no network interface is called "nosuch0"')

    def test_verbs_that_are_not_built_yet_say_so(self):
        for verb in ("scan",):
            for arguments in ([verb, "--help"], [verb, "host.example"], [verb]):
                finished = run(*arguments)
                self.assertEqual(finished.returncode, 2)
                self.complains(finished, "is not built yet", f"rdpwhy probe {verb}")

    def test_closed_standard_streams_crash_nothing_and_no_file_takes_their_place(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x.pcapng")
            for closing, arguments, code in (("2>&-", "", 2), ("2>&-", "probe --nonsense", 2), (">&-", "causes", 3),
                                             (">&- 2>&-", "causes", 3), ("<&- >&- 2>&-", f"127.0.0.1:1 --write-capture {path}", 3)):
                finished = subprocess.run(["sh", "-c", f'exec "$0" {arguments} {closing}', PROGRAM], stdin=subprocess.DEVNULL,
                                          capture_output=True, timeout=60, check=False)
                self.assertEqual(finished.returncode, code, (closing, arguments))
            with open(path, "rb") as file:
                octets = file.read()
            self.assertEqual(octets[:4], b"\x0a\x0d\x0d\x0a")
            self.assertNotIn(b"rdpwhy: ", octets)

    def test_an_option_before_the_verb_is_not_a_probe_of_a_host_named_like_it(self):
        finished = run("--json", "replay", "x.pcap")
        self.assertEqual(finished.returncode, 2)
        self.complains(finished, "verb comes first")

    def test_the_value_of_an_option_is_no_verb(self):
        finished = run("--cookie", "lab", "--until", "tcp", "--no-experiments", "127.0.0.1:1")
        self.assertEqual((finished.returncode, finished.stderr), (1, b""))

    def test_files_that_cannot_be_read_end_with_3(self):
        for arguments in (["no-such-file.rdp"], ["127.0.0.1:1", "--ca", "/no/such/file"], ["127.0.0.1:1", "--write-capture", "/no/such/dir/x"],
                          ["127.0.0.1:1", "--keylog", "/no/such/dir/x"]):
            finished = run(*arguments)
            self.assertEqual(finished.returncode, 3, arguments)
            self.complains(finished, "cannot")

    def test_a_full_disk_under_the_output_is_told(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("skipped: no /dev/full here")
        with open("/dev/full", "wb") as full:
            finished = run("causes", stdout=full)
        self.assertEqual(finished.returncode, 3)
        self.assertIn(b"cannot write", finished.stderr)

    def test_a_reader_that_leaves_is_told_and_kills_nothing(self):
        reader, writer = os.pipe()
        os.close(reader)
        finished = run("causes", stdout=writer)
        os.close(writer)
        self.assertEqual(finished.returncode, 3)
        self.assertIn(b"cannot write", finished.stderr)


class Codes(Case):
    def test_a_number_has_a_reading_in_each_space_that_it_stands_in(self):
        finished = run("explain", "--json", "0x7")
        self.assertEqual(finished.returncode, 0)
        names = {json.loads(line)["name"] for line in finished.stdout.splitlines()}
        self.assertLessEqual({"ERRINFO_SERVER_DENIED_CONNECTION", "STATUS_VALID_CLIENT"}, names)

    def test_the_pair_of_the_dialog_is_read_together(self):
        for typed in (["0x904", "0x7"], ["0x904,0x7"], ["2308,7"], ["0x904:0x7"], ["0x904 0x7"]):
            finished = run("explain", *typed)
            self.assertEqual(finished.returncode, 0)
            self.assertTrue(finished.stdout.startswith(b"As mstsc's dialog shows it: error code 0x904"))

    def test_names_are_found_and_unknown_codes_are_said_to_be_unknown(self):
        self.assertIn(b"HYBRID_REQUIRED_BY_SERVER", run("explain", "hybrid_required_by_server").stdout)
        finished = run("explain", "0xdeadbee1")
        self.assertEqual(finished.returncode, 1)
        self.complains(finished, "none of the tables")

    def test_a_code_without_0x_and_a_cause_are_led_to_what_was_meant(self):
        self.complains(run("explain", "904"), "did you mean 0x904?")
        self.complains(run("127.0.0.1:1", "--saw", "904"), "did you mean 0x904?")
        self.assertEqual(run("127.0.0.1:1", "--saw", "2308,7").returncode, 1)  # 0x904 in decimal
        finished = run("explain", "nla-required")
        self.assertEqual(finished.returncode, 1)
        self.complains(finished, "rdpwhy causes nla-required")

    def test_octets_are_read_field_by_field(self):
        finished = run("explain", "--hex", "0300 0013 0ed0 0000 1234 00 02 1f 0800 08000000")
        self.assertEqual(finished.returncode, 0)
        self.assertIn(b"selectedProtocol", finished.stdout)

    def test_what_stands_inside_tls_is_read_field_by_field(self):
        for octets, title in (("300da003020106a406020480090302", "TSRequest, version 6, errorCode 0x80090302"),
                              ("4e544c4d5353500001000000b78208e20000000000000000000000000000000006017c1d0000000f",
                               "NTLM NEGOTIATE_MESSAGE"),
                              ("a1073005a0030a0101", "SPNEGO NegTokenResp"),
                              ("0100040001002e050000", "RDSTLS Authentication Response PDU")):
            finished = run("explain", "--hex", octets)
            self.assertEqual(finished.returncode, 0)
            self.assertTrue(finished.stdout.startswith(title.encode()), finished.stdout)

    def test_one_side_of_a_connection_is_read_message_by_message(self):
        finished = run("explain", "--hex", "3005a003020106 00000000 0300000902f0802180 ff")
        titles = [line for line in finished.stdout.decode().splitlines() if line and line[0] != " "]
        self.assertEqual(titles, ["TSRequest, version 6, 7 octets", "Early User Authorization Result PDU, 4 octets",
                                  "MCS Disconnect Provider Ultimatum in an X.224 Data TPDU, 9 octets",
                                  "nothing known any more, 1 octet"])

    def test_a_status_written_as_a_signed_number_is_a_code_and_no_option(self):
        finished = run("explain", "--json", "-1073741715")
        self.assertEqual(finished.returncode, 0, finished.stderr)
        self.assertIn("STATUS_LOGON_FAILURE", {json.loads(line)["name"] for line in finished.stdout.splitlines()})
        self.assertEqual(run("explain", "-99999999999").returncode, 1)

    def test_the_beginning_of_a_tpkt_is_cut_off_and_not_something_else(self):
        for octets in ("03", "0300", "03000009"):
            self.assertTrue(run("explain", "--hex", octets).stdout.startswith(b"TPKT that is cut off"), octets)
        for octets in ("0400", "03000004"):
            self.assertTrue(run("explain", "--hex", octets).stdout.startswith(b"no TPKT"), octets)

    def test_a_cut_message_is_shown_with_what_is_missing(self):
        finished = run("explain", "--hex", "030000130ed0000012340002")
        self.assertEqual(finished.returncode, 0)
        self.assertIn(b"12 octets", finished.stdout)
        self.assertIn(b"TPDU needs 15 bytes at offset 4, 8 left", finished.stdout)


class WrongFiles(Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def test_a_capture_given_as_a_target_is_led_to_replay(self):
        path = os.path.join(self.folder, "v.pcapng")
        open(path, "wb").close()
        finished = run(path)
        self.assertEqual(finished.returncode, 2)
        self.complains(finished, f"did you mean rdpwhy replay {path}?")

    def test_a_pipe_is_refused_and_waited_for_by_nobody(self):
        pipe = os.path.join(self.folder, "x.rdp")
        os.mkfifo(pipe)
        for arguments in ([pipe], ["127.0.0.1:1", "--keylog", pipe], ["127.0.0.1:1", "--write-capture", pipe],
                          ["replay", "--keylog", pipe, "x.pcap"]):
            finished = run(*arguments, timeout=20)
            self.assertEqual(finished.returncode, 3, arguments)
            self.complains(finished, "it is a pipe")

    def test_the_null_device_takes_captures_and_secrets(self):
        finished = run("127.0.0.1:1", "--keylog", "/dev/null", "--write-capture", "/dev/null")
        self.assertEqual((finished.returncode, finished.stderr), (1, b""))


class Causes(Case):
    def test_every_cause_is_listed_and_each_can_be_read_in_full(self):
        lines = run("causes").stdout.decode().splitlines()
        listed = [line for line in lines if not line.startswith(" ")]
        objects = [json.loads(line) for line in run("causes", "--json").stdout.splitlines()]
        self.assertEqual([line.split()[0] for line in listed], [o["id"] for o in objects])
        self.assertGreater(len(objects), 55)
        for cause in objects:
            self.assertTrue(all(cause[key] for key in ("title", "looks_like", "against", "fix", "sources")), cause["id"])
            self.assertEqual(run("causes", cause["id"]).returncode, 0)
        in_full = run("causes", *(o["id"] for o in objects)).stdout.decode().splitlines()
        for line in lines + in_full + run("lab", "--list").stdout.decode().splitlines():
            if len(line.split()) > 1:  # one word, such as a registry key, stays whole
                self.assertLessEqual(len(line), 80, line)


class RdpFiles(Case):
    def test_an_rdp_file_without_an_address_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "empty.rdp")
            with open(path, "w") as file:
                file.write("screen mode id:i:2\r\n")
            finished = run(path)
            self.assertEqual(finished.returncode, 3)
            self.complains(finished, "empty.rdp")


if __name__ == "__main__":
    main()
