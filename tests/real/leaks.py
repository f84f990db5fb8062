"""No output of a test holds a password: what `strings` would find of it, in the forms that it has in a file, a message or memory.

A test keeps all that it starts in one folder. What it needs a password in (files that a program under test or a server reads)
lies in `secrets` there; everything else is output: reports, talk, captures, key logs, servers' logs, cores.
"""
import functools
import pathlib
import subprocess
import tempfile
import unittest

SECRETS = "secrets"


def secrets_of(folder):
    path = pathlib.Path(folder) / SECRETS
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def outputs_of(folder):
    path = pathlib.Path(folder) / "outputs"
    path.mkdir(exist_ok=True)
    return path


@functools.cache
def nt_hash(password):
    """MD4, which Python has not, of the password in UTF-16LE (MS-NLMP 3.3.1)."""
    command = ["openssl", "dgst", "-provider", "legacy", "-provider", "default", "-md4", "-binary"]
    return subprocess.run(command, input=password.encode("utf-16-le"), check=True, capture_output=True).stdout


def forms(password):
    plain = {"as text": password.encode(), "as UTF-16LE": password.encode("utf-16-le"), "as its NT hash": nt_hash(password)}
    return {**plain, **{f"{name}, in hex": octets.hex().encode() for name, octets in plain.items()}}


def look(files, passwords):
    """(how many files were looked at, [(file, form)] of what should not be there)."""
    wanted = [(form, octets) for password in sorted(passwords) for form, octets in forms(password).items()]
    count, found = 0, []
    for file in files:
        octets = file.read_bytes()
        count += 1
        lower = octets.lower()
        found += [(file, form) for form, needle in wanted if needle in (lower if form.endswith("hex") else octets)]
    return count, found


MOST_OF_A_MAPPING = 1 << 30  # the shadow of the address sanitizer: terabytes of nothing that the program wrote itself


def write_core(pid, path):
    """What a core of the running process would hold: all memory that it can read (the kernel gives it to root alone)."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory, open(path, "wb") as core:
        for line in maps:
            addresses, rights = line.split()[:2]
            first, last = (int(address, 16) for address in addresses.split("-"))
            if rights[0] != "r" or line.rstrip().endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            if last - first > MOST_OF_A_MAPPING:
                continue
            memory.seek(first)
            while first < last:
                try:
                    octets = memory.read(min(last - first, 1 << 20))
                except OSError:  # a mapping behind the end of its file
                    break
                if not octets:
                    break
                core.write(octets)
                first += len(octets)


def outputs(folder):
    folder = pathlib.Path(folder)
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()
            and path.relative_to(folder).parts[0] not in (SECRETS, "certificates")]


def expect_none(folder, passwords):
    """How many files were looked at. A file that is planted among them has to be found, or the search itself is broken."""
    planted = outputs_of(folder) / "planted.log"
    for password in sorted(passwords):
        for form, octets in forms(password).items():
            planted.write_bytes(b"\0user=alice " + octets + b"\n")
            if (planted, form) not in look([planted], [password])[1]:
                raise AssertionError(f"a password {form} was planted and is not found")
    planted.write_bytes(sorted(passwords)[0].encode())
    if planted not in [file for file, _ in look(outputs(folder), passwords)[1]]:
        raise AssertionError("a password was planted among the outputs and is not found")
    planted.unlink()
    count, found = look(outputs(folder), passwords)
    if found:
        raise AssertionError("a password is in " + "; ".join(f"{file.relative_to(folder)}, {form}" for file, form in found))
    if count == 0:
        raise AssertionError("no output was looked at")
    return count


class Watched(unittest.TestCase):
    """A class of tests with a folder for all that they write; at its end no password is in what they put out."""
    passwords = frozenset()  # what a subclass uses, beside those of password_file()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory(prefix="rdpwhy-real-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.folder.chmod(0o755)  # servers that run as another user read their files from here
        cls.used = set(cls.passwords)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        if not outputs(cls.folder):
            raise unittest.SkipTest("skipped: nothing ran, so nothing was put out")
        if cls.used:
            print(f"{cls.__name__}: no password in {expect_none(cls.folder, cls.used)} files")

    @classmethod
    def password_file(cls, password):
        cls.used.add(password)
        path = secrets_of(cls.folder) / f"{password.encode().hex()}.password"
        path.write_text(password + "\n", encoding="utf-8")
        return str(path)
