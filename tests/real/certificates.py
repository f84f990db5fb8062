"""Certificates for the servers under test: a root, an intermediate, and leaves that each have one fault."""
import dataclasses
import datetime
import ipaddress
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.datetime.utcnow().replace(microsecond=0)
DAY = datetime.timedelta(days=1)


@dataclasses.dataclass
class Pair:
    """What a server is given: a file of certificates, leaf first, and a private key."""
    certificates: pathlib.Path
    key: pathlib.Path


def name_of(common_name):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "rdpwhy tests"),
                      x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def sign(subject, public_key, issuer, issuer_key, *, ca=False, begins=NOW - DAY, ends=NOW + 365 * DAY, digest=None,
         names=("host.example",), addresses=("127.0.0.1", "10.77.0.2")):
    builder = (x509.CertificateBuilder().subject_name(name_of(subject)).issuer_name(name_of(issuer))
               .public_key(public_key).serial_number(x509.random_serial_number())
               .not_valid_before(begins).not_valid_after(ends)
               .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True))
    if not ca:
        alternatives = [x509.DNSName(n) for n in names] + [x509.IPAddress(ipaddress.ip_address(a)) for a in addresses]
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    if isinstance(issuer_key, ed25519.Ed25519PrivateKey):
        return builder.sign(issuer_key, None)
    return builder.sign(issuer_key, digest or hashes.SHA256())


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key):  # weston reads RSA keys only in the traditional form
    form = (serialization.PrivateFormat.PKCS8 if isinstance(key, ed25519.Ed25519PrivateKey)
            else serialization.PrivateFormat.TraditionalOpenSSL)
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


class Certificates:
    """Made once per run, in a folder of the run's own: `root` (a PEM file) and `pairs` by name."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        root_key, self.middle_key, self.leaf_key, other_key = (rsa.generate_private_key(65537, 2048) for _ in range(4))
        root = sign("test root", root_key.public_key(), "test root", root_key, ca=True, ends=NOW + 3650 * DAY)
        self.middle = sign("test intermediate", self.middle_key.public_key(), "test root", root_key, ca=True,
                           ends=NOW + 1825 * DAY)
        self.root = self.folder / "root.pem"
        self.root.write_bytes(pem(root))
        self.pairs = {}

        self.issue("valid")
        self.issue("expired", begins=NOW - 30 * DAY, ends=NOW - DAY)
        self.issue("not-yet-valid", begins=NOW + DAY)
        self.issue("wrong-name", names=("elsewhere.example",), addresses=())
        self.issue("missing-intermediate", alone=True)
        self.issue("rsa1024", key=rsa.generate_private_key(65537, 1024))
        self.issue("sha1", digest=hashes.SHA1())
        self.issue("ec256", key=ec.generate_private_key(ec.SECP256R1()))
        self.issue("ed25519", key=ed25519.Ed25519PrivateKey.generate())
        self.issue("mismatched", server_key=other_key)
        self_signed = sign("host.example", self.leaf_key.public_key(), "host.example", self.leaf_key)
        self.write("self-signed", [self_signed], self.leaf_key)

    def issue(self, name, key=None, *, alone=False, server_key=None, **how):
        """A leaf of the intermediate; `server_key` is given to the server instead of the leaf's own."""
        key = key or self.leaf_key
        leaf = sign("host.example", key.public_key(), "test intermediate", self.middle_key, **how)
        self.write(name, [leaf] if alone else [leaf, self.middle], server_key or key)
        return self[name]

    def write(self, name, certificates, key):
        pair = Pair(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        pair.certificates.write_bytes(b"".join(pem(c) for c in certificates))
        pair.key.write_bytes(key_pem(key))
        self.pairs[name] = pair

    def __getitem__(self, name):
        return self.pairs[name]
