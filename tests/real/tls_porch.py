#!/usr/bin/python3
"""An X.224 porch before a TLS server: answers the Connection Request, then passes octets on, with faults of its own.

tls_porch.py SETTINGS.json:
  listen       [address, port]
  backend      [address, port]; absent: the porch answers the hello itself, by `table`
  select       the protocol that it selects (1: SSL, 2: HYBRID); who does not offer it gets RDP_NEG_FAILURE 5
  table        {"769": [suites in the server's order], ...}: a scripted server; it sends a ServerHello and its Done
  most_suites  a hello with more suites is refused
  reset        refuse by reset: an alert that is the first word of the backend never arrives
  patience     [connections, seconds]: no more than so many in so many seconds, others are reset at once
"""
import json
import socket
import struct
import sys
import threading
import time

ALERT = bytes.fromhex("15030100020228")
LONGEST = 20


class Gone(Exception):
    """The peer has left."""


def read(peer, count):
    octets = b""
    while len(octets) < count:
        more = peer.recv(count - len(octets))
        if not more:
            raise Gone
        octets += more
    return octets


def reset(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def suites_of(record):
    """(legacy version, suites) of the ClientHello in a record."""
    version = int.from_bytes(record[9:11], "big")
    at = 43
    at += 1 + record[at]
    count = int.from_bytes(record[at:at + 2], "big")
    return version, [int.from_bytes(record[i:i + 2], "big") for i in range(at + 2, at + 2 + count, 2)]


def message(kind, body=b""):
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


class Porch:
    def __init__(self, settings):
        self.settings = settings
        self.lock = threading.Lock()
        self.recent = []
        self.connections = 0

    def serve(self):
        with socket.create_server(tuple(self.settings["listen"]), backlog=64) as listener:
            while True:
                peer, _ = listener.accept()
                threading.Thread(target=self.meet, args=(peer,), daemon=True).start()

    def has_enough(self):
        if "patience" not in self.settings:
            return False
        count, seconds = self.settings["patience"]
        now = time.monotonic()
        with self.lock:
            self.recent = [at for at in self.recent if at > now - seconds] + [now]
            return len(self.recent) > count

    def meet(self, peer):
        try:
            with peer:
                peer.settimeout(LONGEST)
                if self.has_enough():
                    return reset(peer)
                if self.confirm(peer):
                    self.answer(peer)
        except (Gone, OSError):
            pass

    def confirm(self, peer):
        header = read(peer, 4)
        request = read(peer, int.from_bytes(header[2:4], "big") - 4)
        offered = int.from_bytes(request[-4:], "little") if request[-8:-7] == b"\x01" else 0
        selected = self.settings.get("select", 1)
        good = offered & selected
        kind, value = (2, selected) if good else (3, 5)
        peer.sendall(bytes.fromhex("030000130ed000001234 00") + bytes([kind, 0, 8, 0]) + value.to_bytes(4, "little"))
        return good

    def answer(self, peer):
        header = read(peer, 5)
        hello = header + read(peer, int.from_bytes(header[3:5], "big"))
        version, suites = suites_of(hello)
        if len(suites) > self.settings.get("most_suites", 65535):
            return self.refuse(peer)
        if "backend" in self.settings:
            return self.pass_on(peer, hello)
        return self.act(peer, version, suites)

    def refuse(self, peer):
        if self.settings.get("reset"):
            return reset(peer)
        peer.sendall(ALERT)
        return self.part(peer)

    def part(self, peer):
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(4096):
            pass

    def act(self, peer, offered, suites):
        """The scripted server: the newest version of its table, then the first suite of it that is offered."""
        versions = [v for v in sorted(map(int, self.settings["table"]), reverse=True) if v <= offered]
        chosen = [s for s in self.settings["table"][str(versions[0])] if s in suites] if versions else []
        if not chosen:
            return self.refuse(peer)
        number = versions[0].to_bytes(2, "big")
        messages = message(2, number + bytes(32) + b"\0" + chosen[0].to_bytes(2, "big") + b"\0") + message(14)
        peer.sendall(b"\x16" + number + len(messages).to_bytes(2, "big") + messages)
        return self.part(peer)

    def pass_on(self, peer, hello):
        with socket.create_connection(tuple(self.settings["backend"]), timeout=LONGEST) as backend:
            backend.sendall(hello)
            first = backend.recv(65536)
            if self.settings.get("reset") and first[:1] == b"\x15":
                return reset(peer)
            peer.sendall(first)
            there = threading.Thread(target=self.carry, args=(peer, backend), daemon=True)
            there.start()
            self.carry(backend, peer)
            there.join()

    def carry(self, source, sink):
        try:
            while octets := source.recv(65536):
                sink.sendall(octets)
            sink.shutdown(socket.SHUT_WR)
        except OSError:  # either has left without a word: so does the other
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        Porch(json.load(file)).serve()
