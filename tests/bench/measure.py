"""Measures in one run, so that the figures can be compared with each other: replay beside tcpdump and tshark on the
same capture (a real handshake replicated with addresses and ports of its own for each copy), and one live probe."""
import os
import pathlib
import statistics
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


def replaying(folder):
    for kind, suffix in (("without secrets", "pcap"), ("with secrets, all decrypted", "pcapng")):
        large, small = folder / f"large.{suffix}", folder / f"small.{suffix}"
        for path, size in ((large, SIZE), (small, SLICE)):
            subprocess.run([BUILD / "tests/bench/replicate", ROOT / "captures/xrdp-tls13.pcapng", path, size],
                           check=True, stdout=subprocess.DEVNULL)
        size, slice_size = large.stat().st_size, small.stat().st_size
        print(f"{large.name}: {size / 1e6:.0f} MB, TLS 1.3 handshakes {kind}")
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
    probing(pathlib.Path(place))
