"""Tests of what `./dev release` changes, on copies. `./dev check release` runs them."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from scripts import release
from scripts.shell import ROOT, Failed

CHANGES = "# Changelog\n\nWords.\n\n## Unreleased\n\n### Added\n- A thing.\n\n## 0.0.1 (2026-01-01)\n\n- Old.\n"
# Elsewhere the number is an example, or a version of something else.
EXAMPLES = {"schemas/openapi.json", "schemas/src/api/system.rs", "clients/typescript/src/generated/openapi.ts"}


class Versions(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="awe-release-")
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for name in release.VERSIONED:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)

    def test_every_place_has_the_version_of_now_and_gets_the_next_one(self) -> None:
        now = release.current()
        with mock.patch.object(release, "ROOT", self.root), mock.patch.object(release, "run"):
            release.write_versions(now, "7.8.9")
            for name in release.VERSIONED:
                text = (self.root / name).read_text()
                self.assertIn("7.8.9", text, name)
            with self.assertRaisesRegex(Failed, "does not name version"):
                release.write_versions(now, "7.8.10")

    def test_no_other_file_names_it(self) -> None:
        words = ["git", "grep", "-lF", f'"{release.current()}"', "--", ":!*.lock", ":!schemas/released", ":!deploy/helm/awe/tests"]
        found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60).stdout.split()
        self.assertEqual(set(found) - set(release.VERSIONED) - EXAMPLES, set(), "VERSIONED lacks it")

    def test_a_version_is_three_numbers(self) -> None:
        self.assertLess(release.numbers("0.9.10"), release.numbers("0.10.0"))
        for text in ("1.2", "v1.2.3", "1.2.3-rc1", "01.2.3", "1.2.3\n"):
            with self.assertRaises(Failed):
                release.numbers(text)


class Changelog(unittest.TestCase):
    def write(self, text: str) -> str:
        with tempfile.TemporaryDirectory(prefix="awe-release-") as folder:
            file = Path(folder) / "CHANGELOG.md"
            file.write_text(text)
            with mock.patch.object(release, "CHANGELOG", file):
                release.write_changelog("1.2.3")
                self.assertEqual(release.section("1.2.3"), "### Added\n- A thing.\n")
            return file.read_text()

    def test_what_is_new_gets_a_heading_and_the_next_release_begins_empty(self) -> None:
        self.assertTrue(re.search(r"## Unreleased\n\n## 1\.2\.3 \(\d{4}-\d\d-\d\d\)\n\n### Added\n- A thing\.\n\n## 0\.0\.1", self.write(CHANGES)))

    def test_a_release_without_news_is_refused(self) -> None:
        with self.assertRaisesRegex(Failed, "nothing under"):
            self.write(CHANGES.replace("### Added\n- A thing.\n\n", ""))


if __name__ == "__main__":
    unittest.main()
