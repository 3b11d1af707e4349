"""Tests of the check of Terraform modules. `./dev check terraform` runs them."""

from __future__ import annotations

import unittest

from scripts import terraform
from scripts.shell import Failed

SOUND = """variable "name" {
  description = "Name."
  type        = string
}

variable "key_secret_arn" {
  description = "Secret."
  type        = string
  sensitive   = true
}

locals {
  all = [for one in [var.name, "a = {"] : { name = one }]
  deep = jsonencode([{
    key = var.key_secret_arn
  }])
}

data "aws_x" "this" {
  name = local.all[0]
}

resource "aws_y" "that" {
  source = data.aws_x.this.id
  inner {
    deep = local.deep
  }
}

output "id" {
  description = "Id."
  value       = aws_y.that.id
}
"""
WRONG = (
    ("  type        = string\n  sensitive", "  type = string\n  sensitive", "`=` is not below"),
    ("  name = local.all[0]", "    name = local.all[0]", "is not 2 blanks to the right"),
    ("  deep = jsonencode", "  deep  = jsonencode", "one blank before"),
    ("    key = ", "   key = ", "is not 4 blanks"),
    ('"Name."', '"Name." ', "a blank at the end"),
    ("var.name,", "var.nome,", "var.nome is no variable"),
    ("var.name,", '"x",', "the variable name is not used"),
    ("local.deep", "local.deeper", "local.deeper is no local"),
    ("data.aws_x.this.id", "aws_x.this.id", "aws_x.this is not made here"),
    ("aws_y.that.id", "aws_y.other.id", "aws_y.other is not made here"),
    ('  description = "Id."\n  value       =', "  value =", "the output id has no description"),
    ('  description = "Name."\n', "", "the variable name has no description"),
    ("  sensitive   = true\n", "", "the variable key_secret_arn must be sensitive"),
)


class Modules(unittest.TestCase):
    def test_a_sound_module_has_no_fault(self) -> None:
        self.assertEqual(terraform.faults_of({"a.tf": SOUND}), [])

    def test_each_fault_is_told(self) -> None:
        for old, new, told in WRONG:
            with self.subTest(told):
                self.assertIn(old, SOUND)
                faults = terraform.faults_of({"a.tf": SOUND.replace(old, new, 1)})
                self.assertTrue([fault for fault in faults if told in fault], faults)

    def test_what_is_no_hcl_is_refused(self) -> None:
        with self.assertRaises(Failed):
            terraform.faults_of({"a.tf": SOUND.replace("locals {", "locals {{", 1)})


if __name__ == "__main__":
    unittest.main()
