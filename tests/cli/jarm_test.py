"""tls --jarm from outside: a scripted server behind X.224 gives answers whose fingerprint others published."""
import json
import os
import socket
import struct
import threading

import jsonschema
from program import SOURCE, Case, main, run

with open(os.path.join(SOURCE, "src/report/tls.schema.json")) as schema_file:
    VALIDATOR = jsonschema.Draft202012Validator(json.load(schema_file))
REFUSED = "|||"
# Answers in the order of JARM's hellos, and what implementations of JARM make of them.
PUBLISHED = {
    "15d2ad16d29d29d00015d2ad15d29dd1c3ca624d74ad1df5cec63008795502": [
        "009e|0303|h2|0000-ff01-0010", "c030|0303|h2|0000-ff01-000b-0010", "009f|0303|h2|0000-ff01-0010",
        "c02f|0303||0000-ff01-000b", "c02f|0303||0000-ff01-000b", REFUSED, "009e|0303|h2|0000-ff01-0010",
        "c030|0303|h2|0000-ff01-000b-0010", "009e|0303|h2|0000-ff01-0010", "c02f|0303|h2|0000-ff01-000b-0010"],
    "29d29d15d29d29d00042d42d000000cd600c085f371f8533aaf66051f8e5b1": [
        *["c02f|0303|h2|ff01-0000-0001-000b-0023-0010-0017"] * 2, "009e|0303|h2|ff01-0000-0001-0023-0010-0017",
        *["c02f|0303|http/1.1|ff01-0000-0001-000b-0023-0010-0017"] * 2, REFUSED, *["1302|0303||002b-0033"] * 2, REFUSED, REFUSED],
    "0" * 62: [REFUSED] * 10,
}
PAYLOADS = {"ff01": b"\0", "000b": b"\1\0", "0001": b"\1", "002b": b"\3\4", "0033": bytes.fromhex("001d0020") + bytes(32)}
ALERT = bytes.fromhex("15030300020228")


def server_hello(answer):
    """The record that a server with this answer sends."""
    suite, version, protocol, types = answer.split("|")
    extensions = b""
    for kind in types.split("-"):
        name = bytes([len(protocol)]) + protocol.encode()
        payload = struct.pack(">H", len(name)) + name if kind == "0010" else PAYLOADS.get(kind, b"")
        extensions += bytes.fromhex(kind) + struct.pack(">H", len(payload)) + payload
    body = bytes.fromhex(version) + bytes(range(32)) + b"\0" + bytes.fromhex(suite) + b"\0" + struct.pack(">H", len(extensions)) + extensions
    message = b"\2" + struct.pack(">I", len(body))[1:] + body
    return b"\x16\3\3" + struct.pack(">H", len(message)) + message


def read_exactly(stream, count):
    octets = b""
    while len(octets) < count:
        part = stream.recv(count - len(octets))
        if not part:
            raise ConnectionError
        octets += part
    return octets


class Scripted:
    """Behind X.224 it meets JARM's hellos, known by the ten-octet name of theirs, in order; everybody else it refuses.
    None as an answer: it says nothing until the client gives up; "reset" and "close": it ends the connection so."""

    def __init__(self, answers):
        self.answers, self.met, self.requested = list(answers), 0, set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.target = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.thread.join(5)

    def serve(self):
        while True:
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return
            with stream:
                try:
                    self.meet(stream)
                except OSError:
                    pass

    def meet(self, stream):
        stream.settimeout(5)
        request = read_exactly(stream, struct.unpack(">xxH", read_exactly(stream, 4))[0] - 4)
        stream.sendall(bytes.fromhex("030000130ed000001234000200080001000000"))
        hello = read_exactly(stream, struct.unpack(">xxxH", read_exactly(stream, 5))[0])
        if b"http/0.9" not in hello:
            return stream.sendall(ALERT)
        self.requested.add(request[-4])
        answer = self.answers[self.met]
        if answer is None:
            stream.recv(1)
            return None
        self.met += 1
        if answer == "reset":
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif answer != "close":
            stream.sendall(ALERT if answer == REFUSED else server_hello(answer))
        return None


class Jarm(Case):
    def jarm(self, server, *arguments):
        finished = run("tls", "--json", "--jarm", "--pace", "0", "--timeout", "1", *arguments, server.target)
        (line,) = finished.stdout.splitlines()
        report = json.loads(line)
        self.assertEqual([e.message[:300] for e in VALIDATOR.iter_errors(report)], [])
        return report["jarm"], finished.returncode

    def test_it_is_what_others_make_of_the_same_answers(self):
        for fingerprint, answers in PUBLISHED.items():
            with self.subTest(fingerprint), Scripted(answers) as server:
                jarm, _ = self.jarm(server)
                self.assertEqual(jarm, {"fingerprint": fingerprint, "answers": answers})
                self.assertEqual(server.met, 10)
                self.assertEqual(server.requested, {0x03}, "SSL and HYBRID are offered")

    def test_who_ends_the_connection_refuses(self):
        answers = ["reset", "close", *["1302|0303||002b-0033"] * 8]
        with Scripted(answers) as server:
            jarm, _ = self.jarm(server)
        self.assertEqual(jarm["answers"][:3], [REFUSED, REFUSED, "1302|0303||002b-0033"])
        self.assertEqual(jarm["fingerprint"][:9], "00000042d")

    def test_silence_is_no_refusal_and_no_fingerprint_is_made_of_it(self):
        with Scripted(["c02f|0303||ff01"] * 4 + [None]) as server:
            jarm, code = self.jarm(server)
        self.assertIsNone(jarm["fingerprint"])
        self.assertIn("hello 5 of 10", jarm["reason"])
        self.assertIn("timeout", jarm["reason"])
        self.assertEqual(code, 1)

    def test_text_tells_it_in_80_columns(self):
        (fingerprint, answers), *_ = PUBLISHED.items()
        with Scripted(answers) as server:
            text = run("tls", "--jarm", "--pace", "0", "--timeout", "1", server.target).stdout.decode()
        self.assertIn(fingerprint, text)
        self.assertEqual([line for line in text.splitlines() if len(line) > 80], [])


if __name__ == "__main__":
    main()
