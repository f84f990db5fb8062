#!/usr/bin/python3
"""run.py MODULE: runs one module's tests; 77 (ctest: skipped) when every one of them was skipped.

A run that leaves a process behind has failed, whatever its tests say.
"""
import pathlib
import signal
import sys
import unittest
import warnings

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
warnings.filterwarnings("ignore", message="SHA1 signatures are deprecated")  # that is what one of them is for

import processes  # noqa: E402

processes.adopt_orphans()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds, so that servers are ended

suite = unittest.defaultTestLoader.loadTestsFromName(sys.argv[1])
result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, warnings="ignore").run(suite)
if (left := processes.left_over()):
    print(f"FAILED: left behind: {left}")
    processes.end_all(left)
    sys.exit(1)
if not result.wasSuccessful() or suite.countTestCases() == 0:
    sys.exit(1)
sys.exit(77 if result.skipped and len(result.skipped) >= result.testsRun else 0)
