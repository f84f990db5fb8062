"""The messages of CredSSP (MS-CSSP 2.2.1) as a server of the tests reads and writes them, in DER; nothing here is rdpwhy's."""
import dataclasses

SEQUENCE, INTEGER, BIT_STRING, OCTET_STRING = 0x30, 0x02, 0x03, 0x04
FIELDS = range(0xA0, 0xB0)  # [0], [1] ... of a sequence
VERSION, NEGO_TOKENS, AUTH_INFO, PUB_KEY_AUTH, ERROR_CODE, CLIENT_NONCE = FIELDS[:6]


def element(tag, contents):
    size = len(contents)
    if size < 0x80:
        return bytes([tag, size]) + contents
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + contents


def elements(octets):
    """[(tag, contents)] of octets that hold whole elements."""
    found, at = [], 0
    while at < len(octets):
        tag, size = octets[at], octets[at + 1]
        at += 2
        if size & 0x80:
            count = size & 0x7F
            size, at = int.from_bytes(octets[at:at + count], "big"), at + count
        if at + size > len(octets):
            raise ValueError("an element ends behind its end")
        found.append((tag, octets[at:at + size]))
        at += size
    return found


def inside(octets, tag):
    """The contents of the one element that the octets are."""
    ((found, contents),) = elements(octets)
    if found != tag:
        raise ValueError(f"tag {found:#x} where {tag:#x} is due")
    return contents


def fields(octets):
    """{tag: contents of the tag} of a sequence whose members are all tagged."""
    return dict(elements(inside(octets, SEQUENCE)))


def number(contents):
    return int.from_bytes(inside(contents, INTEGER), "big", signed=True)


def integer(value):
    return element(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


@dataclasses.dataclass
class TsRequest:
    version: int
    token: bytes | None = None
    auth_info: bytes | None = None
    pub_key_auth: bytes | None = None
    error_code: int | None = None
    nonce: bytes | None = None

    def encoded(self):
        members = element(VERSION, integer(self.version))
        if self.token is not None:
            one = element(SEQUENCE, element(FIELDS[0], element(OCTET_STRING, self.token)))
            members += element(NEGO_TOKENS, element(SEQUENCE, one))
        for tag, value in ((AUTH_INFO, self.auth_info), (PUB_KEY_AUTH, self.pub_key_auth)):
            if value is not None:
                members += element(tag, element(OCTET_STRING, value))
        if self.error_code is not None:  # an NTSTATUS of 32 bits, which a signed INTEGER shows as a negative number
            members += element(ERROR_CODE, element(INTEGER, self.error_code.to_bytes(4, "big")))
        if self.nonce is not None:
            members += element(CLIENT_NONCE, element(OCTET_STRING, self.nonce))
        return element(SEQUENCE, members)


def decoded(octets):
    found = fields(octets)
    token = None
    if NEGO_TOKENS in found:
        ((_, one),) = elements(inside(found[NEGO_TOKENS], SEQUENCE))
        token = inside(dict(elements(one))[FIELDS[0]], OCTET_STRING)
    texts = {name: inside(found[tag], OCTET_STRING)
             for tag, name in ((AUTH_INFO, "auth_info"), (PUB_KEY_AUTH, "pub_key_auth"), (CLIENT_NONCE, "nonce")) if tag in found}
    error = number(found[ERROR_CODE]) & 0xFFFFFFFF if ERROR_CODE in found else None
    return TsRequest(number(found[VERSION]), token, error_code=error, **texts)


def password_credentials(octets):
    """(domain, user, password) of TSCredentials that hold TSPasswordCreds (2.2.1.2.1)."""
    found = fields(octets)
    kind = number(found[FIELDS[0]])
    if kind != 1:
        raise ValueError(f"credentials of type {kind}")
    inner = fields(inside(found[FIELDS[1]], OCTET_STRING))
    return tuple(inside(inner[tag], OCTET_STRING).decode("utf-16-le") for tag in FIELDS[:3])


def subject_public_key(spki):
    """SubjectPublicKeyInfo to the octets that pubKeyAuth is about, of any type of key."""
    (_, (tag, bits)) = elements(inside(spki, SEQUENCE))
    if tag != BIT_STRING or bits[0] != 0:
        raise ValueError("no subject public key")
    return bits[1:]
