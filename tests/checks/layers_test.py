#!/usr/bin/python3
"""Shows that .ci/layers finds each fault it is for, one in each tree, and none in the real one."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

GOOD = {
    "lib/leat/endpoint.hpp": "#pragma once\n#include <leat/detail/text.hpp>\n#include <string>\n",
    "lib/leat/detail/text.hpp": "#pragma once\n",
    "lib/leat/detail/parser.hpp": "#pragma once\n",
    "lib/leat/endpoint.cpp": "#include <leat/endpoint.hpp>\n#include <leat/detail/parser.hpp>\n// never sleep_for\n",
    "patterns/leat/leat.hpp": "#pragma once\n#include <leat/endpoint.hpp>\n#include <leat/queue/queue.hpp>\n",
    "patterns/leat/queue/queue.hpp": "#pragma once\n#include <leat/endpoint.hpp>\n",
    "tools/rate.hpp": "#pragma once\n",
    "tools/rate.cpp": '#include "rate.hpp"\nstd::this_thread::sleep_until(next);  // paces\n',
    "cmake/installed_details.txt": "# comment\nleat/detail/te*.hpp\n",
}


def run(root):
    done = subprocess.run([ROOT / ".ci/layers", root], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


class Layers(unittest.TestCase):
    def check(self, changes, *complaints):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in {**GOOD, **changes}.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            status, said = run(folder)
        self.assertEqual(status, 1 if complaints else 0, said)
        self.assertIn(f" {len(complaints)} faults", said)
        for complaint in complaints:
            self.assertIn(complaint, said)

    def test_a_good_tree_has_no_fault(self):
        self.check({})

    def test_lib_may_not_include_from_patterns(self):
        self.check(
            {"lib/leat/error.cpp": "\n#include <leat/queue/queue.hpp>\n"},
            "lib/leat/error.cpp:2: lib reaches into patterns with leat/queue/queue.hpp",
        )

    def test_lib_may_not_include_from_tools_by_a_relative_path(self):
        self.check({"lib/leat/error.cpp": '#include "../../tools/rate.hpp"\n'}, "lib reaches into tools")

    def test_patterns_may_not_include_from_tools(self):
        self.check({"patterns/leat/queue/queue.cpp": '#include "rate.hpp"\n'}, "patterns reaches into tools with rate.hpp")

    def test_the_library_does_without_the_libraries_of_tools(self):
        self.check({"patterns/leat/queue/queue.cpp": "#include <CLI/CLI.hpp>\n"}, "patterns does without <CLI/CLI.hpp>")

    def test_an_include_that_nothing_answers_is_a_fault(self):
        self.check({"lib/leat/error.cpp": "#include <leat/gone.hpp>\n"}, "no layer has <leat/gone.hpp>")

    def test_a_public_header_may_not_include_a_private_one(self):
        self.check(
            {"patterns/leat/queue/queue.hpp": "#pragma once\n#include <leat/detail/parser.hpp>\n"},
            "patterns/leat/queue/queue.hpp:2: a public header includes the private leat/detail/parser.hpp",
        )

    def test_an_installed_private_header_may_not_include_one_that_is_not(self):
        self.check(
            {"lib/leat/detail/text.hpp": "#pragma once\n#include <leat/detail/parser.hpp>\n"},
            "lib/leat/detail/text.hpp:2: an installed header includes the private leat/detail/parser.hpp",
        )

    def test_a_list_entry_that_no_public_header_needs_is_a_fault(self):
        self.check({"cmake/installed_details.txt": "leat/detail/*.hpp\nleat/queue/detail/x.hpp\n"}, "no public header needs leat/queue/detail/x.hpp")

    def test_an_example_shows_no_private_header(self):
        self.check({"examples/one.cpp": "#include <leat/detail/text.hpp>\n"}, "an example shows the private header")

    def test_the_umbrella_has_every_public_header(self):
        self.check({"lib/leat/error.hpp": "#pragma once\n"}, "lib/leat/error.hpp:1: <leat/leat.hpp> does not have this")

    def test_a_header_has_a_guard(self):
        self.check({"tests/support/x.hpp": "int x;\n"}, "tests/support/x.hpp:1: no #pragma once")

    def test_lib_knows_no_topology(self):
        self.check({"lib/leat/detail/queue_file.cpp": ""}, "lib/leat/detail/queue_file.cpp:1: lib knows no topology, so no 'queue'")

    def test_sleeping_is_a_fault(self):
        for text in ("std::this_thread::sleep_for(1s);", "usleep(10);", "sleep (1);", "::nanosleep(&t, nullptr);"):
            self.check({"tests/lib/x_test.cpp": text}, "tests/lib/x_test.cpp:1: sleeps")
        self.check({"tests/peer.py": "import time\ntime.sleep(1)\n"}, "tests/peer.py:2: sleeps")

    def test_only_tools_and_benchmarks_pace(self):
        self.check({"lib/leat/loop.cpp": "std::this_thread::sleep_for(1s);  // paces\n"}, "lib/leat/loop.cpp:1: sleeps")

    def test_a_tree_without_sources_is_not_a_good_one(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertNotEqual(run(folder)[0], 0)

    def test_the_real_tree_has_no_fault(self):
        status, said = run(ROOT)
        self.assertEqual(status, 0, said)


if __name__ == "__main__":
    unittest.main()
