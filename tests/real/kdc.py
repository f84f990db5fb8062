"""A Kerberos realm of its own on loopback: LAB.TEST, its KDC, and a relay in front that counts what a password was tried with."""
import contextlib
import os
import pathlib
import socket
import socketserver
import struct
import subprocess
import tempfile
import threading

import servers

REALM = "LAB.TEST"
PASSWORDS = {"alice": "LabPass1!", "open": "OpenAuth1!", "expired": "Expired1!", "locked": "Locked1!", "old": "OldKey1!",
             "old-open": "OldKey1!"}
FLAGS = {"alice": "+requires_preauth", "expired": "+requires_preauth -pwexpire yesterday", "locked": "+requires_preauth -allow_tix",
         "old": "+requires_preauth -e arcfour-hmac:normal", "old-open": "-e arcfour-hmac:normal"}
SERVICES = {"TERMSRV/host.lab": "", "TERMSRV/localhost": "", "TERMSRV/old.lab": "-e arcfour-hmac:normal"}


class Realm:
    """Principals and keys in a folder: users of PASSWORDS, services of SERVICES, their keytab. `kdc()` starts a KDC of it."""

    def __init__(self, folder):
        servers.require("kdb5_util", "kadmin.local", "krb5kdc")
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=folder))
        self.keytab = self.folder / "services.keytab"
        self.tool("kdb5_util", "create", "-s", "-r", REALM, "-P", "master password of a test")
        requests = [f"addprinc {FLAGS.get(user, '')} -pw {password} {user}" for user, password in PASSWORDS.items()]
        for service, how in SERVICES.items():
            requests += [f"addprinc -randkey {how} {service}", f"ktadd -k {self.keytab} {how} {service}"]
        self.tool("kadmin.local", "-r", REALM, text="\n".join(requests))

    def tool(self, *command, text=None):
        subprocess.run(command, input=text, text=True, check=True, capture_output=True, env=self.kdc_environment(9))

    def kdc_environment(self, port):
        profile, own = self.folder / f"kdc-{port}.conf", self.folder / f"krb5-of-kdc-{port}.conf"
        profile.write_text(f"""[kdcdefaults]
  kdc_listen = 127.0.0.1:{port}
  kdc_tcp_listen = 127.0.0.1:{port}
[realms]
  {REALM} = {{
    database_name = {self.folder}/principal
    key_stash_file = {self.folder}/stash
    acl_file = {self.folder}/acl
    max_life = 10h
    supported_enctypes = aes256-cts:normal aes128-cts:normal
  }}
[logging]
  kdc = FILE:{self.folder}/kdc-{port}.log
  admin_server = FILE:{self.folder}/admin.log
""")
        own.write_text(client_configuration())
        return {**os.environ, "KRB5_KDC_PROFILE": str(profile), "KRB5_CONFIG": str(own)}

    def kdc(self, *, clock=None):
        """A KDC process; `clock` is an offset for faketime, as "-2h"."""
        port = servers.free_port()
        command = ["krb5kdc", "-n"]
        if clock:
            servers.require("faketime")
            command = ["faketime", "-f", clock, *command]
        return servers.Server(command, port, folder=self.folder, environment=self.kdc_environment(port))

    def client(self, *ports, **settings):
        """The environment of a client that knows KDCs on these ports, and no others."""
        number = len(list(self.folder.glob("client-*.conf")))
        configuration = self.folder / f"client-{number}.conf"
        configuration.write_text(client_configuration(*ports, **settings))
        return {"KRB5_CONFIG": str(configuration), "KRB5CCNAME": f"FILE:{self.folder}/no-such-cache", "KRB5_KTNAME": str(self.keytab),
                "KRB5RCACHENAME": f"file2:{self.folder}/replay-cache"}

    def sign_in(self, environment, user="alice", *, clock=None):
        """Fills a credential cache with the user's ticket, as kinit does; the environment that knows of it. `clock`: see kdc()."""
        servers.require("kinit", *(["faketime"] if clock else []))
        cache = tempfile.NamedTemporaryFile(dir=self.folder, prefix="cache-", delete=False)
        cache.close()
        environment = {**environment, "KRB5CCNAME": f"FILE:{cache.name}"}
        command = [*(["faketime", "-f", clock] if clock else []), "kinit", user]
        subprocess.run(command, input=PASSWORDS[user] + "\n", text=True, check=True, capture_output=True,
                       env={**os.environ, **environment})
        return environment


def client_configuration(*ports, **settings):
    lines = {"default_realm": REALM, "dns_lookup_kdc": "false", "dns_lookup_realm": "false", "rdns": "false",
             "udp_preference_limit": "1", **settings}
    kdcs = "\n".join(f"    kdc = 127.0.0.1:{port}" for port in ports)
    return "\n".join(["[libdefaults]", *(f"  {name} = {value}" for name, value in lines.items()),
                      "[realms]", f"  {REALM} = {{", kdcs, "  }", "[domain_realm]", f"  .lab = {REALM}"]) + "\n"


# --- what passes on the way to a KDC --------------------------------------------------------------

def der_parts(octets):
    """(tag, contents) of each element; for the well-formed messages of our own client."""
    while octets:
        tag, size, start = octets[0], octets[1], 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(octets[2:start], "big")
        yield tag, octets[start:start + size]
        octets = octets[start + size:]


AS_REQ, TGS_REQ = 0x6A, 0x6C
PROOFS = {2: "PA-ENC-TIMESTAMP", 138: "PA-ENCRYPTED-CHALLENGE", 151: "PA-SPAKE"}  # made with a password


def proofs_in(message):
    """What of an AS-REQ (RFC 4120 5.4.1) was made with a password."""
    ((tag, contents),) = der_parts(message)
    if tag != AS_REQ:
        return []
    ((_, fields),) = der_parts(contents)
    types = []
    for field, value in der_parts(fields):
        if field == 0xA3:  # padata
            ((_, entries),) = der_parts(value)
            for _, entry in der_parts(entries):
                ((_, number),) = der_parts(dict(der_parts(entry))[0xA1])
                types.append(int.from_bytes(number, "big", signed=True))
    return [PROOFS[t] for t in types if t in PROOFS]


class Relay(socketserver.ThreadingTCPServer):
    """Passes messages on to a KDC over TCP and keeps them. `swallow` says which it keeps to itself: "close" ends the
    connection then, "silence" leaves it open."""
    allow_reuse_address = daemon_threads = True

    def __init__(self, kdc_port, swallow=lambda message: False, instead="close"):
        super().__init__(("127.0.0.1", 0), RelayedConnection)
        self.kdc_port, self.swallow, self.instead, self.messages = kdc_port, swallow, instead, []
        self.port = self.server_address[1]
        self.over = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def tries(self):
        """AS-REQs that carry proof of a password: what a directory counts as a logon."""
        return sum(bool(proofs_in(message)) for message in self.messages)

    def __exit__(self, *_):
        self.over.set()
        self.shutdown()
        self.server_close()


def read_message(connection):
    def exactly(count):
        octets = b""
        while len(octets) < count:
            more = connection.recv(count - len(octets))
            if not more:
                raise EOFError
            octets += more
        return octets
    return exactly(struct.unpack(">I", exactly(4))[0])


class RelayedConnection(socketserver.BaseRequestHandler):
    def handle(self):
        with contextlib.suppress(EOFError, OSError):
            while True:
                message = read_message(self.request)
                self.server.messages.append(message)
                if self.server.swallow(message):
                    if self.server.instead == "silence":
                        self.server.over.wait(servers.PATIENCE)
                    return
                with socket.create_connection(("127.0.0.1", self.server.kdc_port)) as kdc:
                    kdc.sendall(struct.pack(">I", len(message)) + message)
                    answer = read_message(kdc)
                self.request.sendall(struct.pack(">I", len(answer)) + answer)


class DatagramRelay(socketserver.ThreadingUDPServer):
    """Passes messages on to a KDC over UDP; over TCP nobody is there."""
    daemon_threads = True

    def __init__(self, kdc_port):
        super().__init__(("127.0.0.1", 0), RelayedDatagram)
        self.kdc_port, self.messages, self.port = kdc_port, [], self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class RelayedDatagram(socketserver.BaseRequestHandler):
    def handle(self):
        message, reply = self.request
        self.server.messages.append(message)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as kdc:
            kdc.settimeout(servers.PATIENCE)
            kdc.sendto(message, ("127.0.0.1", self.server.kdc_port))
            with contextlib.suppress(OSError):
                reply.sendto(kdc.recv(65536), self.client_address)


def silent_port():
    """A listener that never answers; a context manager that gives its port."""
    @contextlib.contextmanager
    def listening():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            yield listener.getsockname()[1]
    return listening()
