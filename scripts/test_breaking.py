"""The check for breaking changes tells them, and nothing else."""

from __future__ import annotations

import copy
import unittest

from scripts.breaking import Documents

OLD = {
    "paths": {
        "/things": {
            "get": {
                "parameters": [{"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 500}}],
                "responses": {
                    "200": {
                        "headers": {"X-Next-Cursor": {}},
                        "content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Out"}}}},
                    }
                },
            },
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/In"}}},
                },
                "responses": {"201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Out"}}}}},
            },
        }
    },
    "components": {
        "schemas": {
            "In": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "maxLength": 200},
                    "kind": {"type": "string", "enum": ["a", "b"]},
                    "note": {"type": ["string", "null"]},
                },
            },
            "Out": {
                "type": "object",
                "required": ["id", "within"],
                "properties": {
                    "id": {"type": "string"},
                    "within": {"$ref": "#/components/schemas/Out"},
                    "note": {"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/In"}]},
                },
            },
        }
    },
}


class Breaking(unittest.TestCase):
    def setUp(self) -> None:
        self.new = copy.deepcopy(OLD)
        self.things = self.new["paths"]["/things"]
        self.schemas = self.new["components"]["schemas"]

    def told(self) -> list:
        return sorted(set(Documents(OLD, self.new).breaches()))

    def test_what_is_new_and_optional_breaks_nobody(self) -> None:
        self.new["paths"]["/more"] = {"get": {"responses": {}}}
        self.things["get"]["parameters"].append({"in": "query", "name": "cursor", "schema": {"type": "string"}})
        self.schemas["In"]["properties"]["more"] = {"type": "string"}
        self.schemas["In"]["properties"]["kind"]["enum"].append("c")
        self.schemas["In"]["properties"]["name"]["maxLength"] = 300
        self.schemas["Out"]["properties"]["more"] = {"type": "string"}
        self.schemas["Out"]["required"].append("more")
        self.assertEqual(self.told(), [])

    def test_what_is_sent_must_still_be_taken(self) -> None:
        fields = self.schemas["In"]["properties"]
        fields["name"]["maxLength"] = 100
        fields["kind"]["enum"].remove("b")
        fields["note"]["type"] = "string"
        self.schemas["In"]["required"].append("kind")
        self.assertEqual(
            self.told(),
            [
                "POST /things body.kind must be given now",
                "POST /things body.kind: 'b' is not taken any more",
                "POST /things body.name: maxLength was 200 and is 100",
                "POST /things body.note: null is not taken any more",
            ],
        )
        del fields["note"]
        self.assertIn("POST /things body.note is not taken any more", self.told())

    def test_what_is_read_must_still_be_there(self) -> None:
        self.schemas["Out"]["required"].remove("within")
        self.schemas["Out"]["properties"]["id"]["type"] = ["string", "null"]
        told = self.told()
        self.assertIn("GET /things 200[].within may be absent now", told)
        self.assertIn("GET /things 200[].id may be null now", told)
        del self.schemas["Out"]["properties"]["note"]
        self.assertIn("GET /things 200[].note has gone", self.told())

    def test_routes_parameters_answers_and_headers_must_stay(self) -> None:
        self.things["get"]["parameters"] = [{"in": "query", "name": "kind", "required": True, "schema": {}}]
        self.things["get"]["responses"]["200"]["headers"] = {}
        self.things["post"]["responses"] = {"202": {}}
        told = self.told()
        for one in ("parameter limit has gone", "new parameter kind must be given", "header X-Next-Cursor has gone"):
            self.assertTrue(any(one in line for line in told), (one, told))
        self.assertIn("POST /things does not answer 201 any more", told)
        del self.things["post"]
        self.assertIn("POST /things has gone", self.told())
