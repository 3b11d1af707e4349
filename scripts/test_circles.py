"""Tests of `circles` on small trees. `./dev check circles` runs them first."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

from scripts import circles


class Circles(unittest.TestCase):
    def edges(self, files: dict) -> dict:
        """The edges, with their names, in a crate of these files."""
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for name, text in files.items():
                file = root / "src" / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            crate = circles.Crate(root / "src" / "lib.rs")
            self.found = circles.circles(crate.edges)
            short = {edge: tuple(str(file.relative_to(root / "src")) for file in edge) for edge in crate.edges}
            return {short[edge]: names for edge, names in crate.edges.items()}

    def test_files_that_name_each_other_are_a_circle_with_the_names_that_tie_it(self) -> None:
        edges = self.edges(
            {
                "lib.rs": "mod a;\nmod b;\n",
                "a.rs": "use crate::b::{Left, self as other};\npub struct A;\nfn f() { other::right() }\n",
                "b.rs": "pub struct Left;\npub fn right() -> crate::a::A {}\n",
            }
        )
        self.assertEqual(edges, {("a.rs", "b.rs"): {"Left", "right"}, ("b.rs", "a.rs"): {"A"}})
        self.assertEqual([sorted(file.name for file in circle) for circle in self.found], [["a.rs", "b.rs"]])

    def test_a_line_of_files_is_none(self) -> None:
        self.edges({"lib.rs": "mod a;\nmod b;\n", "a.rs": "use crate::b::B;\n", "b.rs": "pub struct B;\n"})
        self.assertEqual(self.found, [])

    def test_declaring_and_re_exporting_a_child_uses_it_not(self) -> None:
        edges = self.edges({"lib.rs": "mod a;\npub use a::A;\npub(crate) use a::*;\n", "a.rs": "pub struct A;\n"})
        self.assertEqual(edges, {})

    def test_a_name_leads_through_a_re_export_to_the_file_that_defines_it(self) -> None:
        edges = self.edges(
            {
                "lib.rs": "mod a;\nmod b;\npub use a::inner::A as Shown;\n",
                "a.rs": "pub mod inner;\n",
                "a/inner.rs": "pub struct A;\n",
                "b.rs": "use crate::Shown;\n",
            }
        )
        self.assertEqual(edges, {("b.rs", "a/inner.rs"): {"A"}})

    def test_a_name_leads_through_what_the_parent_imports(self) -> None:
        edges = self.edges(
            {
                "lib.rs": "mod a;\nmod b;\n",
                "a.rs": "mod child;\nuse crate::b::B;\n",
                "a/child.rs": "use super::B;\n",
                "b.rs": "pub struct B;\n",
            }
        )
        self.assertEqual(edges, {("a.rs", "b.rs"): {"B"}, ("a/child.rs", "b.rs"): {"B"}})

    def test_parent_and_child_are_a_circle_when_each_names_the_other(self) -> None:
        self.edges(
            {
                "lib.rs": "mod a;\n",
                "a.rs": "mod child;\npub struct Kind;\nfn f() { child::g() }\n",
                "a/child.rs": "use super::Kind;\npub fn g() {}\n",
            }
        )
        self.assertEqual(len(self.found), 1)

    def test_tests_comments_and_texts_count_nothing(self) -> None:
        edges = self.edges(
            {
                "lib.rs": "mod a;\nmod b;\n#[cfg(test)]\nmod tests;\n",
                "tests.rs": "use crate::a::A;\n",
                "a.rs": "pub struct A;\n",
                "b.rs": (
                    "//! As `crate::a::A`.\nconst T: &str = \"crate::a::A\";\nfn f<'a>(x: &'a str) -> char { '{' }\n"
                    "#[cfg(test)]\nuse crate::a::{A};\n"
                    "#[cfg(test)]\n#[expect(clippy::unwrap_used)]\nmod tests { use crate::a::A; fn g() { A } }\n"
                ),
            }
        )
        self.assertEqual(edges, {})

    def test_other_crates_with_a_module_of_their_name_are_others(self) -> None:
        edges = self.edges({"lib.rs": "mod a;\n", "a.rs": "use time::{self, Duration};\nuse url::url;\nfn f() { url::url() }\n"})
        self.assertEqual(edges, {})


if __name__ == "__main__":
    unittest.main()
