#!/usr/bin/python3
"""Runs every fuzz target for its share of the time, as many at once as there are cores, and says how many
executions each reached. Seeds are made here, of our own captures and of a few hand-made messages. A find is
kept under BUILD/artifacts and told; copy it to tests/fuzz/regressions/TARGET once it is mended."""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys

HAND_MADE = {
    "x224": [
        bytes.fromhex("2ae00000000000") + b"Cookie: mstshash=lab\r\n" + bytes.fromhex("010008000b000000"),
        bytes.fromhex("25e00000000000") + b"Cookie: msts=1.2.3\r\n" + bytes.fromhex("0108080003000000"),
        bytes.fromhex("0ed000001234000201080008000000"), bytes.fromhex("0ed00000123400030008000500000000"),
        bytes.fromhex("06d00000123400"), bytes.fromhex("02f0802180"), bytes.fromhex("06800000000001"),
    ],
    "reader": [bytes(range(32)) * 2, b"\x10\x0d\x00\x0e\x01\x08\x03\x00\x01\x02\x03\x04\x05\x06\x07\x08" * 4],
    "rdp_file": [
        b"full address:s:host.example:3390\r\nloadbalanceinfo:s:tsv://x\r\nenablecredsspsupport:i:0\r\n",
        "full address:s:host\r\ngatewayusagemethod:i:1\r\ngatewayhostname:s:gw\r\n".encode("utf-16"),
        b"[2001:db8::1]:3389", b"socks5://127.0.0.1:1080", b"http://[::1]:8080", b"host:99999",
    ],
    "saved_survey": [
        b'{"schema":"rdpwhy.tls/1","source":{"target":"a"},"calibration":{"answered":true},"versions":[{"version":"TLSv1.2",'
        b'"accepted":"yes","accepted_suites":1,"suites":[{"code":49199}],"preference":"server","in_server_order":true}],'
        b'"groups":{"accepted":[{"code":23},{"code":24}],"undecided":[{"code":29}],"preference":"client"},'
        b'"dh_bits":[{"bits":2048}],"certificates":[{"with_server_name":true,"chain":[{"subject":"CN=a","issuer":"CN=b",'
        b'"sha256":"ab","key":{"type":"RSA","bits":2048}}]}]}',
        b'{"schema":"rdpwhy.tls/1","versions":[{}],"properties":{"extended_master_secret":{"known":"no","reason":"alert 40"}}}',
    ],
    "key_log": [
        b"CLIENT_RANDOM " + b"ab" * 32 + b" " + b"cd" * 48 + b"\n",
        b"# a comment\nSERVER_HANDSHAKE_TRAFFIC_SECRET " + b"00" * 32 + b" " + b"11" * 32 +
        b"\r\nCLIENT_TRAFFIC_SECRET_0 " + b"00" * 32 + b" " + b"22" * 48 + b"\n",
    ],
}
NTLM = [bytes.fromhex(text) for text in (
    "4e544c4d5353500001000000b78208e2000000000000000000000000000000000a005d580000000f",
    "4e544c4d53535000020000000c000c003800000033828ae20123456789abcdef00000000000000002400240044000000060070170000000f"
    "53006500720076006500720002000c0044006f006d00610069006e0001000c0053006500720076006500720000000000",
    "4e544c4d5353500003000000180018006c00000054005400840000000c000c00480000000800080054000000100010005c00000010001000"
    "d8000000358288e20501280a0000000f44006f006d00610069006e00550073006500720043004f004d0050005500540045005200"
    "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa68cd0ab851e51c96aabc927bebef6a1c010100000000000000000000000000"
    "00aaaaaaaaaaaaaaaa0000000002000c0044006f006d00610069006e0001000c0053006500720076006500720000000000"
    "00000000c5dad2544fc9799094ce1ce90bc9d03e")]
KERBEROS = [bytes.fromhex(text) for text in (
    "60819706092a864886f71201020201006e8187308184a003020105a10302010ea20703050020000000a35a61583056a003020105a10d1b0b"
    "4558414d504c452e4f5247a2263024a003020102a11d301b1b075445524d5352561b10686f73742e6578616d706c652e6f7267a3183016"
    "a003020112a103020102a20a0408eeeeeeeeeeeeeeeea4133011a003020111a20a0408dddddddddddddddd",
    "602c06092a864886f71201020202006f1d301ba003020105a10302010fa20f300da003020112a2060404cccccccc",
    "7e81a53081a2a003020105a10302011ea211180f32303236313132373233313530305aa30502030f4238a411180f3230323631313237323332"
    "3530305aa503020107a603020125a70d1b0b4558414d504c452e4f5247a811300fa003020101a10830061b0475736572a90d1b0b455841"
    "4d504c452e4f5247aa20301ea003020102a11730151b066b72627467741b0b4558414d504c452e4f5247ab061b04736b6577ac04040201"
    "02",
    "6045060a2a864886f7120102020304003035a003020105a103020110a21a3018a003020102a111300f1b075445524d5352561b04686f7374"
    "a30d1b0b4558414d504c452e4f5247")]
SPNEGO = [bytes.fromhex(text) for text in (
    "606c06062b0601050502a0623060a019301706092a864886f712010202060a2b06010401823702020aa10403020640a2050403746f6ba32f"
    "302da0261b246e6f745f646566696e65645f696e5f5246433431373840706c656173655f69676e6f7265a103040101a40504036d6963",
    "602a06062b0601050502a020301ea00e300c060a2b06010401823702020aa2050403746f6ba30504036d6963",
    "a1233021a0030a0101a10c060a2b06010401823702020aa2050403746f6ba30504036d6963")]
CREDSSP = [bytes.fromhex(text) for text in (
    "300da003020106a406020480090302", "3009a003020106a1023000", "3009a003020102a2020400",
    "3037a003020106a130302e302ca02a04284e544c4d5353500001000000b78208e2000000000000000000000000000000000a005d580000000f",
    "302fa003020106a3040402abcda5220420" + "11" * 32)]
CREDENTIALS = [bytes.fromhex(text) for text in (
    "3029a003020101a1220420301ea008040644004f004d00a10a04087500730065007200a206040470007700",
    "3052a003020102a14b04493047a006040431003200a131302fa003020101a10a04086300610072006400a206040452003100a30a0408"
    "6b00650079003100a4080406430053005000a206040475003100a3020400",
    "3041a003020106a13a04383036a01d301ba01204104b00650072006200650072006f007300a1050403010203a11530133011a00a04084e00"
    "54004c004d00a103040104")]
RDSTLS = [bytes.fromhex(text) for text in (
    "0100010001000100", "0100020001000600410041000000080075007300720000000400440000000300aabbcc",
    "010002000200785634120400aabbccdd", "0100040001002e050000")]
HAND_MADE.update({
    "ntlm": NTLM, "kerberos": KERBEROS, "spnego": SPNEGO, "ts_request": CREDSSP, "ts_credentials": CREDENTIALS,
    "rdstls": RDSTLS, "token": NTLM + KERBEROS + SPNEGO, "der": KERBEROS + SPNEGO + CREDSSP,
    "av_pairs": [NTLM[1][68:], NTLM[2][176:]],
    "auth_annotation": NTLM + KERBEROS + SPNEGO + CREDSSP + CREDENTIALS + RDSTLS,
})
SECURITY = ("ntlm", "kerberos", "spnego", "ts_request", "ts_credentials", "rdstls", "token", "der", "av_pairs",
            "auth_annotation")  # what stands inside TLS, of which a capture's payloads show nothing
HAND_MADE["tpkt"] = [struct.pack(">BBH", 3, 0, len(t) + 4) + t for t in HAND_MADE["x224"]]


def payloads(capture):
    """The TCP payloads of one of our own captures (raw IPv4 or IPv6 in enhanced packet blocks)."""
    octets, position = capture.read_bytes(), 0
    while position + 12 <= len(octets):
        kind, size = struct.unpack_from("<II", octets, position)
        if size < 12 or position + size > len(octets):
            return
        if kind == 6:
            packet = octets[position + 28:position + 28 + struct.unpack_from("<I", octets, position + 20)[0]]
            start = (packet[0] & 0x0F) * 4 if packet and packet[0] >> 4 == 4 else 40
            if len(packet) >= start + 20:
                payload = packet[start + (packet[start + 12] >> 4) * 4:]
                if payload:
                    yield payload
        position += size


def write_seeds(name, folder, captures):
    folder.mkdir(parents=True, exist_ok=True)
    seeds = list(HAND_MADE.get(name, []))
    for capture in captures if name not in SECURITY else []:
        if name.startswith(("capture", "replay", "pcap")):
            seeds.append(capture.read_bytes())
            continue
        parts = list(payloads(capture))
        seeds += [p[4:] if name == "x224" else p for p in parts if (p[:1] == b"\x03") == (name in ("x224", "tpkt"))]
        if name.startswith("dissect"):
            seeds.append(b"".join(parts))
    for number, seed in enumerate(seeds):
        (folder / f"seed-{number}").write_bytes(seed)


def run_target(program, build, source, seconds):
    name = program.name.removeprefix("fuzz_")
    corpus, seeds = build / "corpus" / name, build / "seeds" / name
    artifacts = build / "artifacts" / name
    for folder in (corpus, artifacts):
        folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(seeds, ignore_errors=True)
    write_seeds(name, seeds, sorted((source / "captures").glob("*.pcap*")))
    command = [program, f"-max_total_time={seconds}", "-print_final_stats=1", "-rss_limit_mb=2048", "-timeout=10",
               "-max_len=65536", f"-artifact_prefix={artifacts}/", corpus, seeds]
    regressions = source / "tests/fuzz/regressions" / name
    if regressions.is_dir():
        command.append(regressions)
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    executions = re.search(r"stat::number_of_executed_units:\s+(\d+)", done.stderr)
    coverage = re.findall(r"cov: (\d+)", done.stderr)
    return name, done.returncode, int(executions.group(1)) if executions else 0, coverage[-1] if coverage else "?", done.stderr


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("targets", nargs="*")
    arguments = parser.parse_args()
    programs = sorted(p for p in (arguments.build / "tests").glob("fuzz_*") if os.access(p, os.X_OK) and p.is_file())
    if arguments.targets:
        programs = [p for p in programs if p.name.removeprefix("fuzz_") in arguments.targets]
    if not programs:
        sys.exit("no fuzz targets were built")
    at_once = os.cpu_count() or 1
    share = max(1, arguments.seconds * min(at_once, len(programs)) // len(programs))
    failures, total = 0, 0
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        for name, status, executions, coverage, log in pool.map(
                lambda p: run_target(p, arguments.build, arguments.source, share), programs):
            total += executions
            print(f"{name:24} {executions:>12,} executions in {share} s, {coverage} edges"
                  f"{'' if status == 0 else '  FAILED'}", flush=True)
            if status != 0:
                failures += 1
                print(log[-6000:])
    print(f"{'all targets':24} {total:>12,} executions")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
