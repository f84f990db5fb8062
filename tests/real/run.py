#!/usr/bin/python3
"""run.py MODULE: runs one module's tests; 77 (ctest: skipped) when every one of them was skipped."""
import pathlib
import sys
import unittest
import warnings

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
warnings.filterwarnings("ignore", message="SHA1 signatures are deprecated")  # that is what one of them is for

suite = unittest.defaultTestLoader.loadTestsFromName(sys.argv[1])
result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, warnings="ignore").run(suite)
if not result.wasSuccessful() or suite.countTestCases() == 0:
    sys.exit(1)
sys.exit(77 if result.skipped and len(result.skipped) >= result.testsRun else 0)
