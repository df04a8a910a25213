package jsonpath

import (
	"encoding/json"
	"strings"
	"testing"
)

const document = `{"body": {"text": "v\r\n\"x\" <b>", "empty": "", "null": null, "number": 42, "large": 9007199254740993, "yes": true,
	"tekton.dev/foo": "dotted", "object": {"b": 1, "a": "é"}, "list": ["a", "b", "c"], "pairs": [{"n": "x", "w": 1}, {"n": "y", "w": 2}, {"o": 0}]}}`

func decoded(t *testing.T, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestFind(t *testing.T) {
	for path, want := range map[string]string{
		"body.text": "v\r\n\"x\" <b>", ".body.text": "v\r\n\"x\" <b>", "{.body.text}": "v\r\n\"x\" <b>", "{body.text}": "v\r\n\"x\" <b>",
		"body.empty": "", "body.null": "null", "body.number": "42", "body.large": "9007199254740993", "body.yes": "true",
		`body.tekton\.dev/foo`: "dotted", `body.tekton\.dev\/foo`: "dotted", "body['tekton.dev/foo']": "dotted", `body["number"]`: "42",
		"body.object": `{"a":"é","b":1}`, "body.object.*": `["é",1]`,
		"body.list": `["a","b","c"]`, "body.list[0]": "a", "body.list[-1]": "c", "body.list.[1]": "b", "body.list[*]": `["a","b","c"]`,
		"body.list[0:2]": `["a","b"]`, "body.list[:2]": `["a","b"]`, "body.list[1:]": `["b","c"]`, "body.list[::2]": `["a","c"]`,
		"body.list[-2:]": `["b","c"]`, "body.list[9:]": `[]`, "body.list[2:1]": `[]`,
		"body.pairs[?(@.n == 'y')].w": "2", `body.pairs[?(@.n=="y")].w`: "2", "body.pairs[?(@.w > 1)].n": "y", "body.pairs[?(@.w >= 1)].n": `["x","y"]`,
		"body.pairs[?(@.n != 'x')].w": "2", "body.pairs[?(@.o)].o": "0", "body.list[?(@ == 'b')]": "b", "body.pairs[?(@.n == 'none')].w": "[]",
		"body.pairs[?(@.w <= 1)].n": "x", "body.pairs[?(@.w < 2)].n": "x", "body.pairs[?(@.n == ']')]": "[]",
	} {
		t.Run(path, func(t *testing.T) {
			p, err := Parse(path)
			if err != nil {
				t.Fatal(err)
			}
			values, err := p.Find(decoded(t, document))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := Text(values); err != nil || got != want {
				t.Errorf("%q, %v, want %q", got, err, want)
			}
		})
	}
}

func TestMissing(t *testing.T) {
	for path, want := range map[string]string{
		"body.none":                  `there is no "none"`,
		"body.object.none":           `there is no "none"`,
		"body.list[3]":               "no [3] in a list of 3",
		"body.list[-4]":              "no [-4]",
		"body.text[0]":               "a text is no list",
		"body.text[0:1]":             "a text is no list",
		"body.number.x":              "a number has no fields",
		"body.null.x":                "null has no fields",
		"body.yes.*":                 "true or false has nothing in it",
		"body.list.x":                "a list has no fields",
		"body.object[?(@.a == 'b')]": "an object is no list",
	} {
		t.Run(path, func(t *testing.T) {
			p, err := Parse(path)
			if err != nil {
				t.Fatal(err)
			}
			if values, err := p.Find(decoded(t, document)); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, %v, want %q", values, err, want)
			}
		})
	}
}

func TestWrongPaths(t *testing.T) {
	for path, want := range map[string]string{
		"": "a path is needed", "{}": "a path is needed", "{.body": "braces", "body}": "braces", "{body}}": "path is needed", "{{body}": "path is needed",
		"body..x": "..", "body.": "field is missing", "body[": "] is missing", "body['x": "] is missing", "body[x]": "neither an index", "body[]": "neither an index",
		"body[0]x": "field is missing", "body[1:x]": "no whole number", "body[1:2:0]": "at least 1", "body[1:2:3:4]": "more than",
		"body[?(x)]": "no filter", "body[?(@.x == y)]": "no text in quotes", "body[?(@.x == 'a']": "no filter", "body[?(@..x)]": "..",
	} {
		if _, err := Parse(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}
