"""Nothing of ours is left: neither what a server forked, nor what left its group, nor what will not listen."""
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import unittest

import processes
import servers

# Says its children's ids once they are out of its reach.
FORKING = """
import os, signal, sys, time
def child(*, deaf=False, leaves=False):
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        if deaf:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if leaves:
            os.setsid()
        os.write(writing, b"x")
        while True:
            time.sleep(60)
    os.read(reading, 1)
    return pid
print(os.getpid(), child(), child(deaf=True), child(leaves=True), child(deaf=True, leaves=True), flush=True)
if sys.argv[1] == "stays":
    time.sleep(600)
"""


class Processes(unittest.TestCase):
    def setUp(self):
        processes.adopt_orphans()

    def forking(self, how):
        process = processes.start([sys.executable, "-c", FORKING, how], stdout=subprocess.PIPE, text=True)
        with process.stdout as said:
            return process, {int(pid) for pid in said.readline().split()}

    def test_a_server_ends_with_all_that_it_forked(self):
        process, pids = self.forking("stays")
        self.assertEqual(5, len(pids))
        self.assertEqual(pids, processes.family(process.pid))
        processes.end(process)
        self.assertEqual(set(), pids & processes.living().keys())
        self.assertIsNotNone(process.returncode)

    def test_what_outlives_its_server_is_found_and_ended(self):
        process, pids = self.forking("ends")
        process.wait()
        orphans = pids - {process.pid}
        self.assertEqual(orphans, processes.left_over().keys())
        processes.end(process)  # those of its session
        self.assertEqual(2, len(processes.left_over()), "those that left it are nobody's but ours")
        processes.end_all(processes.left_over())
        self.assertEqual({}, processes.left_over())

    def test_a_run_that_leaves_a_process_fails_and_names_it(self):
        with tempfile.TemporaryDirectory() as folder:
            module = pathlib.Path(folder) / "untidy_test.py"
            module.write_text("import subprocess, unittest\n"
                              "class Untidy(unittest.TestCase):\n"
                              "    def test_nothing(self):\n"
                              "        subprocess.Popen(['sleep', '611'])\n")
            run = pathlib.Path(__file__).with_name("run.py")
            done = subprocess.run([sys.executable, run, "untidy_test"], env={**os.environ, "PYTHONPATH": folder},
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        self.assertEqual(1, done.returncode, done.stdout)
        self.assertIn("sleep 611", done.stdout)
        self.assertEqual({}, processes.left_over())

    def test_xrdp_ends_with_the_children_that_serve_its_connections(self):
        with tempfile.TemporaryDirectory() as folder, servers.xrdp(folder, security="rdp") as server:
            with socket.create_connection(("127.0.0.1", server.port)):
                servers.until(lambda: len(processes.family(server.process.pid)) > 1, "xrdp forks for a connection")
                family = processes.family(server.process.pid)
                server.stop()
        self.assertEqual(set(), family & processes.living().keys())
        self.assertEqual({}, processes.left_over())


class Ports(unittest.TestCase):
    def test_a_port_is_given_to_one_test_program_only(self):
        ask = [sys.executable, "-c", "import servers, sys; print(servers.reserve(int(sys.argv[1])))"]

        def granted(port):
            here = pathlib.Path(__file__).parent
            return subprocess.run([*ask, str(port)], cwd=here, capture_output=True, text=True, check=True).stdout.strip()

        port = servers.free_port()
        self.assertEqual("False", granted(port))
        other = next(p for p in range(15000, 31000) if granted(p) == "True")
        self.assertEqual("True", granted(other), "its holder has ended")
