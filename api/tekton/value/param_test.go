package value

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A value's shape is decided by its JSON alone, so that a string stays one
// whatever it looks like, and everything else survives as text.
func TestParamValueFromJSON(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want *ParamValue
	}{
		"string":                           {`"a"`, NewString("a")},
		"string that looks like a list":    {`"[\"a\"]"`, NewString(`["a"]`)},
		"string that looks like an object": {`"{}"`, NewString("{}")},
		"string that looks like a number":  {`"1"`, NewString("1")},
		"array":                            {`["a","b"]`, NewArray("a", "b")},
		"empty array":                      {`[]`, NewArray([]string{}...)},
		"object":                           {`{"k":"v"}`, NewObject(map[string]string{"k": "v"})},
		"number becomes its text":          {`5`, NewString("5")},
		"boolean becomes its text":         {`true`, NewString("true")},
		"list of numbers becomes text":     {`[1,2]`, NewString("[1,2]")},
		"nested object becomes text":       {`{"a":{"b":1}}`, NewString(`{"a":{"b":1}}`)},
		"null is empty":                    {`null`, NewString("")},
	} {
		t.Run(name, func(t *testing.T) {
			var got ParamValue
			if err := json.Unmarshal([]byte(tc.in), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(*tc.want, got, cmp.Transformer("empty", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParamValueToJSON(t *testing.T) {
	for want, v := range map[string]ParamValue{
		`"[]"`:      *NewString("[]"),
		`["a"]`:     *NewArray("a"),
		`[]`:        *NewArray(),
		`{"k":"v"}`: *NewObject(map[string]string{"k": "v"}),
		`{}`:        *NewObject(nil),
		`""`:        {},
	} {
		got, err := json.Marshal(v)
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
	}
	if _, err := json.Marshal(ParamValue{Type: "number"}); err == nil {
		t.Error("a type that is not one was written")
	}
}
