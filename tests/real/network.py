"""Two network namespaces of our own with a wire between them, and faults on that wire."""
import contextlib
import os
import subprocess
import unittest

import processes
from servers import require, until

CLIENT, SERVER, NOBODY = "10.77.0.1", "10.77.0.2", "10.77.0.99"


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


class Wire:
    """client namespace (10.77.0.1) <-- veth --> server namespace (10.77.0.2); gone again at the end."""

    def __init__(self):
        require("ip", "iptables")
        if os.geteuid() != 0:
            raise unittest.SkipTest("skipped: network namespaces need root")
        self.client, self.server = f"rdpwhy-c-{os.getpid()}", f"rdpwhy-s-{os.getpid()}"

    def __enter__(self):
        try:
            run("ip", "netns", "add", self.client)
            run("ip", "netns", "add", self.server)
            run("ip", "link", "add", "w0", "netns", self.client, "type", "veth", "peer", "name", "w1", "netns", self.server)
            for name, link, address in ((self.client, "w0", CLIENT), (self.server, "w1", SERVER)):
                run("ip", "-n", name, "link", "set", "lo", "up")
                run("ip", "-n", name, "addr", "add", f"{address}/24", "dev", link)
                run("ip", "-n", name, "link", "set", link, "up")
            run("ip", "netns", "exec", self.server, "iptables", "-L", "-n")
        except subprocess.CalledProcessError as error:
            self.__exit__()
            raise unittest.SkipTest(f"skipped: no network namespaces here: {error.stderr.decode(errors='replace').strip()}")
        return self

    def __exit__(self, *_):
        for name in (self.client, self.server):
            subprocess.run(["ip", "netns", "del", name], capture_output=True)

    @contextlib.contextmanager
    def rules(self, *rules):
        """iptables rules on the server's side, for as long as the context lasts."""
        inside = ["ip", "netns", "exec", self.server, "iptables"]
        try:
            for rule in rules:
                run(*inside, "-A", *rule)
            yield
        finally:
            for chain in ("INPUT", "OUTPUT"):
                run(*inside, "-F", chain)

    @contextlib.contextmanager
    def watched(self, capture):
        """tcpdump on the client's side, for as long as the context lasts."""
        require("tcpdump")
        command = ["ip", "netns", "exec", self.client, "tcpdump", "-Z", "root", "-i", "w0", "-U", "--immediate-mode", "-w", str(capture)]
        with open(f"{capture}.out", "wb") as log:
            process = processes.start(command, stdout=log, stderr=log)
        try:
            until(lambda: "listening on" in open(f"{capture}.out").read(), "tcpdump listening")
            yield
        finally:
            processes.end(process)

    def client_route(self, kind, prefix):
        run("ip", "-n", self.client, "route", "add", kind, prefix)


@contextlib.contextmanager
def lonely():
    """The name of a namespace with nothing in it but loopback."""
    require("ip")
    if os.geteuid() != 0:
        raise unittest.SkipTest("skipped: network namespaces need root")
    name = f"rdpwhy-l-{os.getpid()}"
    try:
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "set", "lo", "up")
        yield name
    except subprocess.CalledProcessError as error:
        raise unittest.SkipTest(f"skipped: no network namespaces here: {error.stderr.decode(errors='replace').strip()}")
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
