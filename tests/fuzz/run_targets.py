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
    "key_log": [
        b"CLIENT_RANDOM " + b"ab" * 32 + b" " + b"cd" * 48 + b"\n",
        b"# a comment\nSERVER_HANDSHAKE_TRAFFIC_SECRET " + b"00" * 32 + b" " + b"11" * 32 +
        b"\r\nCLIENT_TRAFFIC_SECRET_0 " + b"00" * 32 + b" " + b"22" * 48 + b"\n",
    ],
}
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
    for capture in captures:
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
