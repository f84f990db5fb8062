#!/usr/bin/python3
"""check_layers against small houses with one breach each, and against one without."""
import importlib.machinery
import importlib.util
import pathlib
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools/check_layers"
loader = importlib.machinery.SourceFileLoader("check_layers", str(TOOL))
check_layers = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_layers", loader))
loader.exec_module(check_layers)

CMAKE = """
rdpwhy_room(base LIBRARIES fmt::fmt)   # a comment (with brackets)
rdpwhy_room(rdp USES base)
rdpwhy_room(tls USES base)
rdpwhy_room(dissect USES rdp)
rdpwhy_room(crypto USES tls)
rdpwhy_room(net USES dissect crypto)
rdpwhy_room(cli USES net)
rdpwhy_tier(wire ROOMS base rdp tls dissect LIBRARIES fmt::fmt)
rdpwhy_tier(crypto ROOMS crypto USES wire)
rdpwhy_tier(net ROOMS net USES crypto wire)
"""
HEADER = "#pragma once\n"


class Breaches(unittest.TestCase):
    def breaches(self, files):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in {"src/CMakeLists.txt": CMAKE, "include/rdpwhy/base/bytes.h": HEADER, **files}.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(text if isinstance(text, bytes) else text.encode())
            (root / "tests").mkdir(exist_ok=True)
            return check_layers.Checker(root).check()

    def expect_breach(self, files, text):
        found = self.breaches(files)
        self.assertEqual(len(found), 1, found)
        self.assertIn(text, found[0])

    def test_a_house_in_order_has_none(self):
        self.assertEqual([], self.breaches({
            "include/rdpwhy/rdp/tpkt.h": HEADER + '#include "rdpwhy/base/bytes.h"\n#include <vector>\n',
            "src/rdp/tpkt.cc": '#include "rdpwhy/rdp/tpkt.h"\n#include "rdp/names.h"\n// std::cout, abort()\n'
                               'const char* s = "std::cout << exit(1)";\nbool exits(int exit_code);\n',
            "src/rdp/names.h": HEADER,
            "src/dissect/layers.cc": '#include "rdpwhy/rdp/tpkt.h"\n#include "rdpwhy/base/bytes.h"\n',
            "src/crypto/digest.cc": "#include <openssl/evp.h>\n",
            "src/net/drive.cc": "#include <asio.hpp>\n#include <chrono>\nauto t = std::chrono::steady_clock::now();\n",
            "src/cli/main.cc": "#include <cstdio>\nint main() { std::printf(\"x\"); }\n",
            "src/base/check.cc": "#include <cstdlib>\nvoid f() { std::abort(); }\n",
        }))

    def test_a_room_includes_one_that_it_may_not_use(self):
        self.expect_breach({"src/rdp/a.cc": '#include "rdpwhy/tls/hello.h"\n'}, "a.cc:1: room rdp includes rdpwhy/tls/hello.h")

    def test_a_lower_room_includes_a_higher_one(self):
        self.expect_breach({"include/rdpwhy/base/a.h": HEADER + '#include "rdpwhy/dissect/d.h"\n'}, "no other room")

    def test_a_room_includes_what_is_private_to_another(self):
        self.expect_breach({"src/dissect/a.cc": '#include "rdp/names.h"\n'}, "private to rdp")

    def test_a_public_header_includes_a_private_one(self):
        self.expect_breach({"include/rdpwhy/rdp/a.h": HEADER + '#include "rdp/names.h"\n'}, "not installed")

    def test_an_include_without_a_room(self):
        self.expect_breach({"src/rdp/a.cc": '#include "names.h"\n'}, "names no room")

    def test_a_folder_that_is_no_room(self):
        self.expect_breach({"src/attic/a.cc": "\n"}, "room attic")

    def test_openssl_outside_crypto(self):
        self.expect_breach({"src/tls/a.cc": "#include <openssl/ssl.h>\n"}, "only crypto may")

    def test_asio_outside_net(self):
        self.expect_breach({"src/cli/a.cc": "#include <asio.hpp>\n"}, "only net may")

    def test_names_that_say_nothing(self):
        self.expect_breach({"src/rdp/rdp_utils.cc": "\n"}, "utils")

    def test_a_source_that_is_not_ascii(self):
        self.expect_breach({"src/rdp/a.cc": "// one\n// caf\u00e9\n"}, "a.cc:2: the source is not ASCII")

    def test_a_header_without_pragma_once(self):
        self.expect_breach({"src/rdp/a.h": "int f();\n"}, "pragma once")

    def test_using_namespace(self):
        self.expect_breach({"src/rdp/a.cc": "using namespace std;\n"}, "using namespace")

    def test_a_library_that_prints(self):
        self.expect_breach({"src/net/a.cc": "void f() { std::cout << 1; }\n"}, "prints")

    def test_a_library_that_ends_the_program(self):
        self.expect_breach({"src/net/a.cc": "void f() { std::abort(); }\n"}, "ends the program")

    def test_a_clock_in_a_pure_tier(self):
        self.expect_breach({"src/rdp/a.cc": "\nauto t = std::chrono::system_clock::now();\n"}, "a.cc:2: a clock")

    def test_randomness_in_a_pure_tier(self):
        self.expect_breach({"src/crypto/a.cc": "void f() { std::random_device r; }\n"}, "randomness")

    def test_a_file_in_a_pure_tier(self):
        self.expect_breach({"src/rdp/a.cc": "#include <fstream>\n"}, "header of I/O")

    def test_threads_in_a_pure_tier(self):
        self.expect_breach({"src/rdp/a.cc": "void f() { std::jthread t; }\n"}, "threads")


if __name__ == "__main__":
    unittest.main()
