"""Measures in one run, so that the figures can be compared with each other: replay beside tcpdump and tshark on the
same capture (a real handshake replicated with addresses and ports of its own for each copy), what a hostile capture
makes it hold, and one live probe."""
import os
import pathlib
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT, SIZE = pathlib.Path(sys.argv[1]), sys.argv[2]
BUILD = ROOT / "build/bench"
PROGRAM = BUILD / "rdpwhy"
SLICE = "64M"  # tshark's memory grows with the file: it gets a slice, and its rate is compared


def measure(command, output=os.devnull):
    """(wall seconds, CPU seconds, peak memory in MB) of one run."""
    with open(output, "wb") as out:
        begin = time.monotonic()
        process = subprocess.Popen([str(c) for c in command], stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begin
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        sys.exit(f"{command}: exit code {os.waitstatus_to_exitcode(status)}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def best(command, runs=3, **how):
    """The run with the least CPU time: what others do on the machine shows in the wall clock only."""
    return min((measure(command, **how) for _ in range(runs)), key=lambda figures: figures[1])


def line(name, size, figures, floor=None):
    """Rates are per second of CPU time, all of it on one core; the first line is the floor of the others."""
    wall, cpu, memory = figures
    rate = size / cpu
    ratio = f"  {rate / floor:8.4f} of tcpdump" if floor else ""
    print(f"{name:44} {rate / 1e6:9.1f} MB/s {cpu:8.2f} s CPU {wall:8.2f} s wall {memory:8.0f} MB{ratio}", flush=True)
    return rate


def replicate(source, path, size, *interleaved):
    subprocess.run([BUILD / "tests/bench/replicate", source, path, size, *interleaved], check=True, stdout=subprocess.DEVNULL)


def replaying(folder):
    session, handshake = ROOT / "tests/bench/nla-session.pcap", ROOT / "captures/xrdp-tls13.pcapng"
    for kind, source, suffix in (("NLA sessions up to activation (FreeRDP), without secrets", session, "pcap"),
                                 ("bare TLS 1.3 handshakes (xrdp), without secrets", handshake, "pcap"),
                                 ("the same with secrets, all decrypted", handshake, "pcapng")):
        large, small = folder / f"large.{suffix}", folder / f"small.{suffix}"
        for path, size in ((large, SIZE), (small, SLICE)):
            replicate(source, path, size)
        size, slice_size = large.stat().st_size, small.stat().st_size
        print(f"{large.name}: {size / 1e6:.0f} MB, {kind}")
        floor = line("tcpdump -r FILE -w /dev/null", size, best(["tcpdump", "-r", large, "-w", "/dev/null"]))
        report = folder / "report.json"
        line("rdpwhy replay --json FILE > report", size, best([PROGRAM, "replay", "--json", large], output=report), floor)
        with open(report) as lines:
            count = reached = 0
            for text in lines:
                count, reached = count + 1, reached + ('"reached":"tls"' in text.replace(" ", ""))
        print(f"  {count} connections reported, {reached} reached tls")
        line(f"tshark -r {SLICE} -Y tls.handshake -T fields", slice_size,
             best(["tshark", "-n", "-r", small, "-Y", "tls.handshake", "-T", "fields", "-e", "tls.handshake.ciphersuite"], runs=1), floor)
        large.unlink()
        small.unlink()


def hostile_connection(path):
    """One connection that stays open behind a ClientHello of 15,000 empty extensions: 60 KB that take 600 in memory."""
    hello = b"\x03\x03" + bytes(32) + b"\0" + b"\0\x02\x13\x01" + b"\x01\0" + struct.pack(">H", 60000)
    hello += b"".join(struct.pack(">HH", 0x8000 + i, 0) for i in range(15000))
    message = b"\x01" + struct.pack(">I", len(hello))[1:] + hello
    records = b"".join(b"\x16\x03\x01" + struct.pack(">H", len(part)) + part
                       for part in (message[i:i + 16000] for i in range(0, len(message), 16000)))
    request = bytes.fromhex("030000130ee000000000000100080001000000")
    confirm = bytes.fromhex("030000130ed000000000000200080001000000")
    client, server = (bytes([10, 0, 0, 1]), 50000), (bytes([10, 200, 0, 1]), 3389)
    sent = {client: 1000, server: 5000}
    packets = []

    def packet(by, to, flags, payload=b""):
        tcp = struct.pack(">HHIIBBHHH", by[1], to[1], sent[by], sent[to], 5 << 4, flags, 65535, 0, 0) + payload
        packets.append(struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, by[0], to[0]) + tcp)
        sent[by] += len(payload) + (flags & 2) // 2

    packet(client, server, 0x02)
    packet(server, client, 0x12)
    packet(client, server, 0x18, request)
    packet(server, client, 0x18, confirm)
    for i in range(0, len(records), 1400):
        packet(client, server, 0x18, records[i:i + 1400])
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101))
        for number, octets in enumerate(packets):
            out.write(struct.pack("<IIII", 1790000000, number, len(octets), len(octets)) + octets)


def hostile(folder):
    one, large = folder / "one.pcap", folder / "hostile.pcap"
    hostile_connection(one)
    replicate(one, large, "300M", "1")
    size = large.stat().st_size
    print(f"{large.name}: {size / 1e6:.0f} MB, connections that stay open, each with a ClientHello of 15,000 extensions")
    line("rdpwhy replay --json FILE > report", size, best([PROGRAM, "replay", "--json", large], runs=1))
    large.unlink()


def probing(folder):
    lab = subprocess.Popen([PROGRAM, "lab", "valid"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        target = f"127.0.0.1:{int(lab.stdout.readline())}"
        runs = [measure([PROGRAM, "--json", target]) for _ in range(51)]
        capture = folder / "probe.pcapng"
        subprocess.run([PROGRAM, "--json", "--write-capture", capture, target], stdout=subprocess.DEVNULL)
    finally:
        lab.terminate()
        lab.wait()
    cpu, wall = (statistics.median(r[i] for r in runs) * 1000 for i in (1, 0))
    print(f"one probe through TLS 1.3 on loopback, program start included: {cpu:.1f} ms CPU, {wall:.1f} ms wall (median of {len(runs)})")
    # A round trip: the client said something, and the next thing with octets comes from the server.
    frames = subprocess.run(["tshark", "-n", "-r", capture, "-T", "fields", "-e", "tcp.dstport", "-e", "tcp.len", "-e", "tcp.flags.syn"],
                            check=True, capture_output=True, text=True).stdout
    port, trips, asked = target.rsplit(":", 1)[1], 0, False
    for text in frames.splitlines():
        destination, length, syn = text.split("\t")
        if int(length or 0) == 0 and syn not in ("1", "True"):
            continue
        by_client = destination == port
        trips, asked = trips + (asked and not by_client), by_client
    print(f"round trips in it: {trips} (TCP, X.224, TLS 1.3, its end)")


with tempfile.TemporaryDirectory(prefix="rdpwhy-bench-", dir=os.environ.get("TMPDIR", "/var/tmp")) as place:
    print(subprocess.run(["sh", "-c", "grep -m1 'model name' /proc/cpuinfo | cut -d: -f2"], capture_output=True, text=True).stdout.strip(),
          f"x {os.cpu_count()}")
    replaying(pathlib.Path(place))
    hostile(pathlib.Path(place))
    probing(pathlib.Path(place))
