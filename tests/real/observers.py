"""Independent opinions of the same connection: tshark on the capture that rdpwhy wrote, openssl on the files."""
import dataclasses
import hashlib
import re
import subprocess

from servers import require


def tshark(capture, *arguments, may_be_cut=False):
    """What it prints. A file that ends within a packet is an error unless it may."""
    require("tshark")
    command = ["tshark", "-n", "-r", str(capture), "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={"LC_ALL": "C.UTF-8", "HOME": "/nonexistent", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    if done.returncode != 0 and not (may_be_cut and "cut short" in done.stderr):
        raise AssertionError(f"tshark says of {capture}: {done.stderr}")
    return done.stdout


def fields(capture, names, *arguments, **how):
    """One {name: [values]} per frame that the arguments let through."""
    output = tshark(capture, "-T", "fields", "-E", "separator=|", *(a for n in names for a in ("-e", n)), *arguments, **how)
    return [{n: [v for v in column.split(",") if v] for n, column in zip(names, line.split("|"))}
            for line in output.splitlines()]


# tshark takes our random ports for those of any protocol that is registered there; what such a decoder calls
# malformed says nothing about the file. These are the layers whose opinion counts.
OUR_LAYERS = {"raw", "eth", "ethertype", "null", "ip", "ipv6", "tcp", "icmp", "icmpv6", "data", "tpkt", "cotp", "rdp", "t124", "t125", "mcs", "per", "ber",
              "tls", "ssl", "credssp", "gss-api", "spnego", "spnego-krb5", "ntlmssp", "kerberos", "pkcs-1", "pkix1explicit", "pkix1implicit",
              "x509af", "x509ce", "x509if", "x509sat", "pkixqualified", "logotypecertextn", "ns_cert_exts", "wlancertextn", "cms", "ocsp"}


def complaints(capture, but_of=()):
    """What tshark has to say against the framing of the file: checksums, sequence numbers, malformed layers. Connections with the
    ports `but_of` may be malformed."""
    framing = ("tcp.analysis.lost_segment || tcp.analysis.retransmission || tcp.analysis.out_of_order || "
               "tcp.analysis.ack_lost_segment || tcp.checksum.status == 0 || ip.checksum.status == 0 || "
               "tcp.analysis.window_full")
    names = ["frame.number", "_ws.expert.message", "frame.protocols"]
    found = fields(capture, names, "-Y", framing)
    found += [f for f in fields(capture, names, "-Y", f"_ws.malformed && !({framing})" + "".join(f" && tcp.port != {p}" for p in but_of))
              if ours(f)]
    return [f"frame {f['frame.number']}: {f['_ws.expert.message']} in {f['frame.protocols']}" for f in found]


def ours(frame):
    return all(set(stack.split(":")) <= OUR_LAYERS for stack in frame["frame.protocols"])


# tshark cannot see CR/CC and TLS of one connection at a time, so it reads the file twice.

def negotiation(capture, port):
    """{requested, selected, failure, cookie}: what is absent was not seen."""
    return negotiations(capture, [port])[str(port)]


def negotiations(capture, ports):
    """{server's port: what negotiation() says}."""
    names = ["rdp.rt_cookie", "rdp.negReq.requestedProtocols", "rdp.negReq.selectedProtocol", "rdp.negFailure.failureCode"]
    results = {str(port): {} for port in ports}
    for frame in fields(capture, ["tcp.port", *names], *decode_as(ports, "tpkt"), "-Y", "rdp"):
        result = next(results[port] for port in frame["tcp.port"] if port in results)
        for name, key in zip(names, ("cookie", "requested", "selected", "failure")):
            if frame[name]:
                value = frame[name][0]
                result[key] = value if key == "cookie" else int(value, 0)
    return results


def decode_as(ports, protocol):
    return [part for port in ports for part in ("-d", f"tcp.port=={port},{protocol}")]


@dataclasses.dataclass
class TlsFacts:
    version: int | None = None
    cipher: int | None = None
    group: int | None = None
    certificates: list[bytes] = dataclasses.field(default_factory=list)
    alerts: list[tuple[str, int]] = dataclasses.field(default_factory=list)


def tls(capture, port, key_log):
    return tls_of_all(capture, [port], key_log)[str(port)]


def tls_of_all(capture, ports, key_log):
    """{server's port: TlsFacts}."""
    names = ["tcp.srcport", "tcp.dstport", "tls.handshake.type", "tls.handshake.version", "tls.handshake.ciphersuite",
             "tls.handshake.extensions.supported_version", "tls.handshake.extensions_key_share_group",
             "tls.handshake.server_named_curve", "tls.handshake.certificate", "tls.alert_message.desc"]
    results = {str(port): TlsFacts() for port in ports}
    for frame in fields(capture, names, "-o", f"tls.keylog_file:{key_log}", *decode_as(ports, "tls"),
                        "-Y", "tls.handshake || tls.alert_message"):
        by_server = frame["tcp.srcport"][0] in results
        facts = results[frame["tcp.srcport" if by_server else "tcp.dstport"][0]]
        kinds = frame["tls.handshake.type"]
        if by_server and "2" in kinds:
            facts.cipher = int(frame["tls.handshake.ciphersuite"][0], 0)
            supported = frame["tls.handshake.extensions.supported_version"]
            facts.version = int((supported or frame["tls.handshake.version"])[0], 0)
            if frame["tls.handshake.extensions_key_share_group"]:
                facts.group = int(frame["tls.handshake.extensions_key_share_group"][0], 0)
        if by_server and frame["tls.handshake.server_named_curve"]:
            facts.group = int(frame["tls.handshake.server_named_curve"][0], 0)
        if by_server and "11" in kinds:
            facts.certificates = [bytes.fromhex(c.replace(":", "")) for c in frame["tls.handshake.certificate"]]
        facts.alerts += [("server" if by_server else "client", int(d)) for d in frame["tls.alert_message.desc"]]
    return results


def fingerprints(capture, ports):
    """{(client, server): (JA3, JA3S)} of the first hello of either side; None where there is none."""
    names = ["ip.src", "ipv6.src", "ip.dst", "ipv6.dst", "tcp.srcport", "tcp.dstport", "tls.handshake.ja3", "tls.handshake.ja3s"]
    found = {}
    for frame in fields(capture, names, *(a for port in ports for a in ("-d", f"tcp.port=={port},tls")),
                        "-Y", "tcp && (tls.handshake.ja3 || tls.handshake.ja3s)", may_be_cut=True):
        source, target = (f"{frame[f'ip.{end}'][-1]}:{frame[f'tcp.{end}port'][-1]}" if frame[f"ip.{end}"]
                          else f"[{frame[f'ipv6.{end}'][-1]}]:{frame[f'tcp.{end}port'][-1]}" for end in ("src", "dst"))
        if frame["tls.handshake.ja3"]:
            prints = found.setdefault((source, target), [None, None])
            prints[0] = prints[0] or frame["tls.handshake.ja3"][0]
        else:
            prints = found.setdefault((target, source), [None, None])
            prints[1] = prints[1] or frame["tls.handshake.ja3s"][0]
    return {pair: tuple(prints) for pair, prints in found.items()}


# Fields that hold what MCS and the PDUs behind it settle: {our name: [tshark's, ...]}.
SESSION = {
    "build": "rdp.client.build", "name": "rdp.client.name", "width": "rdp.desktop.width", "height": "rdp.desktop.height",
    "keyboard_layout": "rdp.keyboardLayout", "method": "rdp.encryptionMethod", "level": "rdp.encryptionLevel",
    "io_channel": "rdp.MCSChannelId", "channel_count": "rdp.channelCount", "channels": "rdp.channelIdArray",
    "message_channel": "rdp.msgChannelId", "share_type": "rdp.pduType.type", "share_data_type": "rdp.pduType2",
    "capabilities": "rdp.numberCapabilities", "licensing_type": "rdp.bMsgType", "licensing_error": "rdp.errorCode",
    "major": "rdp.version.major", "minor": "rdp.version.minor",
}


def session(capture, port, key_log, *, inside_tls):
    """{name: [value, ...]} of either side, as ({client}, {server}): every value of the connection in order."""
    decode = (["-o", f"tls.keylog_file:{key_log}", "-d", f"tcp.port=={port},tls", "-d", f"tls.port=={port},tpkt"] if inside_tls
              else ["-d", f"tcp.port=={port},tpkt"])
    sides = {"client": {name: [] for name in SESSION}, "server": {name: [] for name in SESSION}}
    for frame in fields(capture, ["tcp.srcport", *SESSION.values()], *decode, "-Y", "t125 || rdp"):
        side = sides["server" if frame["tcp.srcport"] == [str(port)] else "client"]
        for name, field in SESSION.items():
            side[name] += frame[field]
    return sides["client"], sides["server"]


def openssl_certificate(pem_file):
    """What `openssl x509` says of the first certificate of a file, in the words of our JSON."""
    require("openssl")

    def x509(*arguments):
        return subprocess.run(["openssl", "x509", "-in", str(pem_file), "-noout", *arguments],
                              check=True, capture_output=True, text=True).stdout

    said = dict(line.split("=", 1) for line in
                x509("-subject", "-issuer", "-serial", "-startdate", "-enddate", "-dateopt", "iso_8601").splitlines())
    text = x509("-text")
    der = subprocess.run(["openssl", "x509", "-in", str(pem_file), "-outform", "DER"], check=True, capture_output=True).stdout
    bits = re.search(r"Public-Key: \((\d+) bit\)", text)
    return {
        "subject": said["subject"].strip(), "issuer": said["issuer"].strip(),
        "serial": said["serial"].lower().lstrip("0"),
        "not_before": said["notBefore"].strip().replace(" ", "T"), "not_after": said["notAfter"].strip().replace(" ", "T"),
        "signature_algorithm": re.search(r"Signature Algorithm: (\S+)", text).group(1),
        "bits": int(bits.group(1)) if bits else None,
        "sha1": hashlib.sha1(der).hexdigest(), "sha256": hashlib.sha256(der).hexdigest(), "der": der,
    }
