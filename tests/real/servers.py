"""Real servers, started on loopback with configurations of their own and ended with all that they forked."""
import contextlib
import importlib.util
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import processes
from leaks import secrets_of

NTLM = "1.3.6.1.4.1.311.2.2.10"
PATIENCE = 30.0  # seconds; a bound for a broken machine, nothing waits for it


def require(*programs):
    """Absent servers are a visible skip, never a pass."""
    for program in programs:
        if shutil.which(program) is None:
            raise unittest.SkipTest(f"skipped: {program} is not installed")


def require_gssapi(mechanism=None):
    """Python's binding of GSSAPI and, for NTLM, the mechanism that is not MIT's own."""
    if importlib.util.find_spec("gssapi") is None:
        raise unittest.SkipTest("skipped: python3-gssapi is not installed")
    import gssapi
    if mechanism and gssapi.OID.from_int_seq(mechanism) not in gssapi.raw.indicate_mechs():
        raise unittest.SkipTest(f"skipped: GSSAPI has no mechanism {mechanism} (gss-ntlmssp is not installed)")


def until(condition, what):
    """Polls; a condition that does not come true in time is an error that says what was awaited."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if (value := condition()):
            return value
        time.sleep(0.02)
    raise TimeoutError(f"{what}: not within {PATIENCE:.0f} s")


RESERVED = []


def reserve(port):
    """Tests run side by side: a name in the kernel, gone with its holder, says that a port is taken by one of us."""
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0rdpwhy-tests-port-{port}")
    except OSError:
        name.close()
        return False
    RESERVED.append(name)
    return True


def free_port():
    """Below the ephemeral range, so that no outgoing connection takes it meanwhile."""
    for _ in range(1000):
        port = random.randrange(15000, 31000)
        if not reserve(port):
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise OSError("no free port")


def listens(port, pid):
    """Whether `pid` or a process of its family listens, asked of the kernel: a trial connection would be one more for the
    server to serve, and a stranger on the same port is no server of ours."""
    sockets = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/net/{table}") as lines:
            for line in list(lines)[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                    sockets.add(f"socket:[{fields[9]}]")
    return bool(sockets) and any(sockets & descriptors(member) for member in processes.family(pid))


def descriptors(pid):
    found = set()
    with contextlib.suppress(OSError):
        for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.add(os.readlink(descriptor))
    return found


class Server:
    """One server process on one port; a context manager."""

    def __init__(self, command, port, *, environment=None, user=None, folder=None, namespace=None):
        self.port = port
        self.folder = folder
        self.log = pathlib.Path(folder) / f"{pathlib.Path(command[0]).name}-{port}.out"
        if namespace:
            command = ["ip", "netns", "exec", namespace, *command]
        with open(self.log, "wb") as log:
            self.process = processes.start(command, stdout=log, stderr=log, user=user, cwd=folder,
                                           env={**os.environ, **(environment or {})})
        try:
            until(self.ready, f"{command} listening on port {port}")
        except BaseException:
            self.stop()
            raise

    def ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the server ended with {self.process.returncode}: {self.log.read_text(errors='replace')[-2000:]}")
        return listens(self.port, self.process.pid)

    def stop(self):
        processes.end(self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def xrdp(folder, pair=None, *, security="negotiate", protocols="TLSv1.2, TLSv1.3", ciphers=None, user=None,
         certificate=None, key=None, namespace=None, address="127.0.0.1", port=None, level="high"):
    """xrdp, one process per port. `certificate` and `key` overrule the pair's files."""
    require("xrdp")
    port = port or free_port()
    settings = {
        "ini_version": 1, "fork": "true", "port": f"tcp://{address}:{port}", "tcp_nodelay": "true",
        "security_layer": security, "crypt_level": level,
        "certificate": certificate or (pair.certificates if pair else ""), "key_file": key or (pair.key if pair else ""),
        "ssl_protocols": protocols, "allow_channels": "true", "max_bpp": 32, "use_fastpath": "both",
    }
    if ciphers:
        settings["tls_ciphers"] = ciphers
    log = pathlib.Path(folder) / f"xrdp-{port}.log"
    configuration = pathlib.Path(folder) / f"xrdp-{port}.ini"
    lines = ["[Globals]", *(f"{k}={v}" for k, v in settings.items()),
             "[Logging]", f"LogFile={log}", "LogLevel=DEBUG", "EnableSyslog=false", "[LoggingPerLogger]", "[Channels]",
             "[Xorg]", "name=Xorg", "lib=libxup.so", "username=ask", "password=ask", "ip=127.0.0.1", "port=-1", "code=20"]
    configuration.write_text("\n".join(lines) + "\n")
    if user:  # it opens its log itself
        log.touch()
        os.chown(log, user, -1)
    server = Server(["xrdp", "--nodaemon", "--config", str(configuration)], port, user=user, folder=folder,
                    namespace=namespace)
    server.own_log = log
    return server


@contextlib.contextmanager
def display(folder):
    """An X server of our own; it chooses a free display itself, and stays as it is between clients (-noreset)."""
    require("Xvfb")
    reading, writing = os.pipe()
    with open(pathlib.Path(folder) / "xvfb.out", "wb") as log:
        process = processes.start(["Xvfb", "-displayfd", str(writing), "-screen", "0", "800x600x24", "-nolisten", "tcp", "-noreset"],
                                  stdout=log, stderr=log, pass_fds=[writing])
    os.close(writing)
    try:
        with os.fdopen(reading) as numbers:
            number = numbers.readline().strip()
        if not number:
            raise RuntimeError("Xvfb did not start")
        yield f":{number}"
    finally:
        processes.end(process)


def lab(folder, program, scenario, *arguments):
    """The program's own server, which fails as `scenario` says."""
    port = free_port()
    return Server([program, "lab", scenario, "--port", str(port), *arguments], port, folder=folder)


def shadow(folder, pair, display_name, *arguments):
    """freerdp-shadow-cli, which takes its certificate from its home."""
    require("freerdp-shadow-cli")
    home = pathlib.Path(tempfile.mkdtemp(dir=folder))
    own = home / ".config/freerdp/shadow"
    own.mkdir(parents=True)
    shutil.copy(pair.certificates, own / "shadow.crt")
    shutil.copy(pair.key, own / "shadow.key")
    port = free_port()
    return Server(["freerdp-shadow-cli", f"/port:{port}", "/bind-address:127.0.0.1", *arguments], port, folder=folder,
                  environment={"HOME": str(home), "DISPLAY": display_name, "WLOG_LEVEL": "INFO"})


def sam_file(folder, user, password):
    require("winpr-hash")
    path = secrets_of(folder) / "sam"
    path.write_text(subprocess.run(["winpr-hash", "-u", user, "-p", password, "-f", "sam"],
                                   check=True, capture_output=True, text=True).stdout)
    return path


class Acceptor(Server):
    """credssp_acceptor.py with its settings; what it saw of each connection."""

    def __init__(self, folder, pair, passwords, *, environment, clock=None, **settings):
        require_gssapi()
        port = free_port()
        path = secrets_of(folder) / f"acceptor-{port}.json"
        path.write_text(json.dumps({"port": port, "certificates": str(pair.certificates), "key": str(pair.key),
                                    "passwords": passwords, **settings}))
        command = [sys.executable, str(pathlib.Path(__file__).with_name("credssp_acceptor.py")), str(path)]
        if clock:
            require("faketime")
            command = ["faketime", "-f", clock, *command]
        super().__init__(command, port, folder=folder, environment=environment)

    def connections(self, count=1):
        """Of the first `count`, which are waited for; of all that came until then."""
        return until(lambda: (seen := self.seen()) if len(self.seen()) >= count else None, f"{count} connections have ended")

    def seen(self):
        lines = self.log.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]

    def dialogue(self):
        """The one connection that said something; others may have stood silent (`probe` makes one when an end is unclear)."""
        (one,) = [seen for seen in self.connections() if "client_version" in seen]
        return one


def ntlm_users(folder, passwords, domain="LAB"):
    """The environment of gss-ntlmssp's acceptor, with a file of users."""
    require_gssapi(NTLM)
    path = secrets_of(folder) / "ntlm-users"
    path.write_text("".join(f"{domain}:{user}:{password}\n" for user, password in passwords.items()), encoding="utf-8")
    return {"NTLM_USER_FILE": str(path)}


def weston(folder, pair, *, standard_security=False):
    """weston's RDP backend with the kiosk shell (the desktop shell does not survive a second client)."""
    require("weston")
    port = free_port()
    runtime = pathlib.Path(folder) / f"runtime-{port}"
    runtime.mkdir(mode=0o700)
    configuration = pathlib.Path(folder) / f"weston-{port}.ini"
    configuration.write_text("[core]\nidle-time=0\nrequire-input=false\n")
    command = ["weston", "--backend=rdp-backend.so", "--shell=kiosk-shell.so", f"--config={configuration}",
               "--address=127.0.0.1", f"--port={port}", "--width=800", "--height=600", f"--socket=wl-{port}"]
    if standard_security:
        command.append(f"--rdp4-key={pair.key}")
    else:
        command += [f"--rdp-tls-cert={pair.certificates}", f"--rdp-tls-key={pair.key}"]
    return Server(command, port, folder=folder, environment={"XDG_RUNTIME_DIR": str(runtime)})


GNOME = """
export XDG_RUNTIME_DIR=$1/run HOME=$1 XDG_CONFIG_HOME=$1/config XDG_DATA_HOME=$1/data GSETTINGS_BACKEND=keyfile LANG=C.UTF-8
export XDG_CURRENT_DESKTOP=GNOME XDG_SESSION_TYPE=wayland LIBGL_ALWAYS_SOFTWARE=1
unset DISPLAY WAYLAND_DISPLAY
mkdir -p -m 700 $XDG_RUNTIME_DIR $XDG_CONFIG_HOME $XDG_DATA_HOME
pipewire & wireplumber &
mutter --headless --wayland --no-x11 --virtual-monitor 800x600 &
gdbus wait --session --timeout 60 org.gnome.Mutter.RemoteDesktop || exit 1
gdbus wait --session --timeout 60 org.gnome.Mutter.ScreenCast || exit 1
set -e
grdctl --headless rdp set-tls-cert $3
grdctl --headless rdp set-tls-key $4
grdctl --headless rdp set-credentials $5 $6
grdctl --headless rdp disable-view-only
grdctl --headless rdp enable
exec /usr/libexec/gnome-remote-desktop-daemon --headless --rdp-port $2
"""


def gnome_remote_desktop(folder, pair, user, password, namespace):
    """GNOME's server with a compositor and a session bus of its own, without a screen. It listens on every address: hence a namespace."""
    require("grdctl", "mutter", "pipewire", "wireplumber", "dbus-run-session", "gdbus")
    port = free_port()
    home = secrets_of(folder) / f"gnome-{port}"  # it keeps the password there
    home.mkdir(mode=0o700)
    return Server(["dbus-run-session", "--", "bash", "-c", GNOME, "gnome", str(home), str(port), str(pair.certificates), str(pair.key),
                   user, password], port, folder=folder, namespace=namespace)


def tinyproxy(folder, *allowed_ports):
    require("tinyproxy")
    port = free_port()
    configuration = pathlib.Path(folder) / f"tinyproxy-{port}.conf"
    configuration.write_text("\n".join([f"Port {port}", "Listen 127.0.0.1", "Timeout 60", "Allow 127.0.0.1",
                                        "MaxClients 10", *(f"ConnectPort {p}" for p in allowed_ports)]) + "\n")
    return Server(["tinyproxy", "-d", "-c", str(configuration)], port, folder=folder)


def danted(folder):
    require("danted")
    port = free_port()
    configuration = pathlib.Path(folder) / f"danted-{port}.conf"
    configuration.write_text(f"""logoutput: stderr
internal: 127.0.0.1 port = {port}
external: 127.0.0.1
socksmethod: none
clientmethod: none
user.privileged: nobody
user.unprivileged: nobody
client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
socks pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
""")
    return Server(["danted", "-f", str(configuration), "-p", str(pathlib.Path(folder) / f"danted-{port}.pid")], port,
                  folder=folder)
