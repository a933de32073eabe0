#!/usr/bin/python3
"""Shows that tests/docs/run passes good pages and fails broken ones. Usage: harness_test.py PREFIX"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PREFIX = ""


class Pages(unittest.TestCase):
    def check(self, page, says=None):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "page.md")
            path.write_text(page.replace("'''", "```"))
            run = [Path(__file__).with_name("run"), "--prefix", PREFIX, path]
            done = subprocess.run(run, capture_output=True, text=True)
        self.assertEqual(done.returncode, 1 if says else 0, done.stdout + done.stderr)
        self.assertIn(says or " examples ran", done.stdout)
        return done.stdout

    def test_a_program_is_compiled_and_its_output_compared(self):
        program = "'''cpp\n#include <leat/leat.hpp>\n#include <iostream>\nint main() { std::cout << \"port 5555\\n\"; }\n'''\n"
        self.assertIn("1 examples", self.check(program + "It prints:\n'''text\nport ...\n'''\n"))
        self.check(program + "\n'''text\nport 5556\n'''\n", "page.md:7: the block before prints something else\n  | port 5555")

    def test_a_program_that_does_not_compile_is_broken(self):
        self.check("Text\n\n'''cpp\nint main() { return leat::nothing; }\n'''\n", "page.md:3: ended with status 1")

    def test_a_program_that_fails_is_broken(self):
        self.check("'''cpp\nint main() { return 3; }\n'''\n", "page.md:1: ended with status 3")

    def test_a_program_can_be_compiled_only(self):
        self.check("'''cpp compiled\nint main() { return 3; }\n'''\n")

    def test_a_fragment_is_shown_only(self):
        self.assertIn("0 examples", self.check("'''cpp\nleat::nothing x;\n'''\n"))

    def test_commands_run_in_order_in_one_folder(self):
        self.check("'''sh\nmkdir a\necho one >a/b\n'''\n'''sh\ncat a/b\n'''\n'''text\none\n'''\n")

    def test_a_command_that_fails_ends_the_page(self):
        self.check("'''sh\nfalse\necho next\n'''\n", "page.md:1: ended with status 1")
        self.check("'''sh\necho $unset_name\n'''\n", "page.md:1: ended with status 2")

    def test_commands_can_be_shown_only(self):
        self.assertIn("0 examples", self.check("'''sh shown\nfalse\n'''\n"))

    def test_a_file_is_there_for_the_blocks_that_follow(self):
        self.check("'''toml file=conf/a.toml\nx = 1\n'''\n'''sh\ncat conf/a.toml\n'''\n'''text\nx = 1\n'''\n")

    def test_dots_stand_for_lines_and_for_text(self):
        page = "'''sh\nseq 5\necho took 7 ms\n'''\n'''text\n1\n...\n5\ntook ... ms\n'''\n"
        self.check(page)
        self.check(page.replace("seq 5", "seq 6"), "page.md:5: the block before")
        self.check(page.replace("7 ms", "7 s"), "page.md:5: the block before")

    def test_output_that_should_not_be_there_is_noticed(self):
        self.check("'''sh\necho a\necho b\n'''\n'''text\na\n'''\n", "something else")

    def test_a_text_block_further_on_is_just_text(self):
        self.check("'''sh\necho a\n'''\nOne.\n\nTwo.\n\n'''text\nb\n'''\n")

    def test_what_a_block_leaves_running_serves_the_next_and_is_ended(self):
        self.check("'''sh\nmkfifo in\n(cat in >out; exec cat in) &\n'''\n'''sh\necho x >in\n'''\n")

    def test_a_block_without_an_end_is_broken(self):
        self.check("'''sh\ntrue\n", "page.md:1: this block has no end")

    def test_a_missing_page_is_an_error(self):
        run = [Path(__file__).with_name("run"), "--prefix", PREFIX, "/nonexistent/page.md"]
        self.assertNotEqual(subprocess.run(run, capture_output=True).returncode, 0)


if __name__ == "__main__":
    PREFIX = sys.argv.pop(1)
    unittest.main()
