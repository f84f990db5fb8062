#!/usr/bin/python3
"""credssp_acceptor.py SETTINGS: an RDP server up to the end of NLA, whose GSSAPI is the system's (MIT krb5, gss-ntlmssp) and whose
TLS is Python's. It prints one JSON object per connection: what it was sent and what it thought of it, and no secret.

SETTINGS is a JSON file; see `Settings`. What GSSAPI needs comes by environment: KRB5_CONFIG, KRB5_KTNAME, NTLM_USER_FILE.
"""
import contextlib
import dataclasses
import hashlib
import json
import pathlib
import socket
import ssl
import struct
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import gssapi  # noqa: E402
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: E402

import ts_request  # noqa: E402
from ts_request import TsRequest  # noqa: E402

PATIENCE = 30  # seconds
LOGON_FAILURE = 0xC000006D
VERSIONS_WITH_ERROR = (3, 4, 6)
HYBRID, HYBRID_EX = 2, 8
NAMES = {"1.3.6.1.4.1.311.2.2.10": "NTLM", "1.2.840.113554.1.2.2": "Kerberos"}


@dataclasses.dataclass
class Settings:
    port: int
    certificates: str
    key: str
    passwords: dict                  # {user: password}, to judge what is delegated
    version: int = 6                 # the highest CredSSP version that it speaks
    protocol: int = HYBRID
    flags: int = 0x0F                # of RDP_NEG_RSP; 8 is RESTRICTED_ADMIN_MODE_SUPPORTED
    authorization: int = 0           # the early user authorization result, for HYBRID_EX
    silent: bool = False             # with HYBRID_EX: it gives no result, and prints {"waits": true} once it has the credentials
    tls: str | None = None           # the newest version, as "TLSv1_2"
    rotated: bool = True             # Kerberos wraps as Windows' EncryptMessage does, else as MIT's gss_wrap


class Context(gssapi.SecurityContext):
    """An error is one at once, with its token in it."""


Context.__DEFER_STEP_ERRORS__ = False  # a metaclass overrules it in the body of the class


class Left(Exception):
    """The client ended the connection."""


def exactly(stream, count):
    octets = b""
    while len(octets) < count:
        more = stream.recv(count - len(octets))
        if not more:
            raise Left
        octets += more
    return octets


def read_tpkt(stream):
    head = exactly(stream, 4)
    return head + exactly(stream, struct.unpack(">H", head[2:])[0] - 4)


def read_ts_request(stream):
    octets = exactly(stream, 2)
    size = octets[1]
    if size & 0x80:
        more = exactly(stream, size & 0x7F)
        octets, size = octets + more, int.from_bytes(more, "big")
    return ts_request.decoded(octets + exactly(stream, size))


def rotated(token):
    """MIT's gss_wrap puts the checksum last (RFC 4121 4.2.4, RRC 0); Windows has its trailer, 28 octets, in front. The count stands in
    the header and is under no checksum."""
    if token[:2] != b"\x05\x04":
        return token
    head, body, count = token[:16], token[16:], 28
    return head[:6] + struct.pack(">H", count) + head[8:] + body[-count:] + body[:-count]


def kind(token):
    """What a token is, as far as counting needs it."""
    at = token.find(b"NTLMSSP\0")
    if at >= 0:
        return {1: "NEGOTIATE", 2: "CHALLENGE", 3: "AUTHENTICATE"}.get(token[at + 8], "NTLM")
    for mark, name in ((b"\x01\x00\x6e", "AP-REQ"), (b"\x02\x00\x6f", "AP-REP"), (b"\x03\x00\x7e", "KRB-ERROR")):
        if mark in token:
            return name
    return "token"


class Connection:
    def __init__(self, settings, stream):
        self.settings, self.stream = settings, stream
        self.version = settings.version
        self.nonce = None
        self.said = {"tokens": []}
        certificate = x509.load_pem_x509_certificate(pathlib.Path(settings.certificates).read_bytes())
        self.key = ts_request.subject_public_key(
            certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    def serve(self):
        self.negotiate()
        self.secure()
        context, proof = self.accept()
        if context is None:
            return
        name = str(context.initiator_name)
        self.said |= {"accepted": name, "mechanism": NAMES.get(context.mech.dotted_form, context.mech.dotted_form)}
        if proof is None:
            proof = self.receive().pub_key_auth
        self.answer_proof(context, proof)
        self.take_credentials(context)
        if self.settings.silent:
            print(json.dumps({"waits": True}), flush=True)
        elif self.settings.protocol == HYBRID_EX:
            self.said["authorization"] = self.settings.authorization
            self.stream.sendall(struct.pack("<I", self.settings.authorization))
            if self.settings.authorization:
                return
        self.said["then"] = self.stream.recv(4).hex()  # of an MCS Connect Initial, or the end

    def negotiate(self):
        request = read_tpkt(self.stream)
        flags, offered = struct.unpack("<BxxI", request[-7:])
        self.said |= {"request_flags": flags, "offered": offered}
        self.stream.sendall(bytes.fromhex("030000130ed00000123400") +
                            struct.pack("<BBHI", 2, self.settings.flags, 8, self.settings.protocol))

    def secure(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT@SECLEVEL=0")  # for RSA with 1024 bits
        context.load_cert_chain(self.settings.certificates, self.settings.key)
        if self.settings.tls:
            context.maximum_version = ssl.TLSVersion[self.settings.tls]
        self.stream = context.wrap_socket(self.stream, server_side=True)
        self.said["tls"] = self.stream.version()

    def receive(self):
        request = read_ts_request(self.stream)
        self.said["client_version"] = request.version
        self.version = min(self.settings.version, request.version)
        self.nonce = request.nonce or self.nonce
        if request.token is not None:
            self.said["tokens"].append(kind(request.token))
        return request

    def send(self, **members):
        self.stream.sendall(TsRequest(self.settings.version, **members).encoded())

    def accept(self):
        """(the context, the pubKeyAuth that came with the last token); no context: refused, and the client knows."""
        context = Context(creds=gssapi.Credentials(usage="accept"), usage="accept")
        request = self.receive()
        while True:
            try:
                answer = context.step(request.token)
            except gssapi.exceptions.GSSError as error:
                self.refuse(error)
                return None, None
            if answer:
                self.send(token=answer)
            if context.complete:
                return context, request.pub_key_auth
            request = self.receive()

    def refuse(self, error):
        """Says why, in the ways that there are: the mechanism's own error token, else errorCode, else nothing at all."""
        self.said["refused"] = str(error)
        token = getattr(error, "token", None)
        if token:
            self.said["error_token"] = kind(token)
            self.send(token=token)
        elif self.version in VERSIONS_WITH_ERROR:
            self.send(error_code=LOGON_FAILURE)

    def answer_proof(self, context, sealed):
        proof = context.unwrap(sealed).message
        if self.version >= 5:
            wanted = hashlib.sha256(b"CredSSP Client-To-Server Binding Hash\0" + self.nonce + self.key).digest()
            ours = hashlib.sha256(b"CredSSP Server-To-Client Binding Hash\0" + self.nonce + self.key).digest()
        else:
            wanted, ours = self.key, bytes([(self.key[0] + 1) % 256]) + self.key[1:]
        self.said["proof_is_right"] = proof == wanted
        answer = context.wrap(ours, True).message
        self.send(pub_key_auth=rotated(answer) if self.settings.rotated else answer)

    def take_credentials(self, context):
        domain, user, password = ts_request.password_credentials(context.unwrap(self.receive().auth_info).message)
        self.said["delegated"] = {"domain": domain, "user": user, "empty": not (domain or user or password),
                                  "password_is_right": password == self.settings.passwords.get(user)}

    def end(self):
        """In order: close_notify, FIN, and what the client still says is read, so that nothing is reset."""
        if isinstance(self.stream, ssl.SSLSocket):
            self.stream = self.stream.unwrap()
        self.stream.shutdown(socket.SHUT_WR)
        while self.stream.recv(4096):
            pass


def serve(settings, stream):
    stream.settimeout(PATIENCE)
    connection = Connection(settings, stream)
    try:
        connection.serve()
    except Left:
        connection.said["left"] = True
    except Exception as error:  # whatever a client does, the tests want to read of it
        connection.said["error"] = f"{type(error).__name__}: {error}"
    print(json.dumps(connection.said), flush=True)
    with contextlib.suppress(OSError, ValueError):
        connection.end()
    connection.stream.close()


def main():
    settings = Settings(**json.loads(pathlib.Path(sys.argv[1]).read_text()))
    with socket.create_server(("127.0.0.1", settings.port), backlog=64) as listener:
        while True:
            stream, _ = listener.accept()
            threading.Thread(target=serve, args=(settings, stream), daemon=True).start()


if __name__ == "__main__":
    main()
