package expr

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReferences(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want []Reference
	}{
		"dots":                              {"$(params.x)", []Reference{{0, 11, []string{"params", "x"}, Plain, 0}}},
		"single quotes":                     {"$(params['x.y'])", []Reference{{0, 16, []string{"params", "x.y"}, Plain, 0}}},
		"double quotes":                     {`$(params["x.y"])`, []Reference{{0, 16, []string{"params", "x.y"}, Plain, 0}}},
		"index":                             {"$(params.x[12])", []Reference{{0, 15, []string{"params", "x"}, At, 12}}},
		"star":                              {"$(params['x'][*])", []Reference{{0, 17, []string{"params", "x"}, All, 0}}},
		"key of a result":                   {"$(tasks.a.results.r.key)", []Reference{{0, 24, []string{"tasks", "a", "results", "r", "key"}, Plain, 0}}},
		"two, with position":                {"a$(params.x)b$(context.taskRun.name)", []Reference{{1, 12, []string{"params", "x"}, Plain, 0}, {13, 36, []string{"context", "taskRun", "name"}, Plain, 0}}},
		"inside a shell's own substitution": {"$(cat $(params.file))", []Reference{{6, 20, []string{"params", "file"}, Plain, 0}}},
		"a dollar before":                   {"$$(params.x)", []Reference{{1, 12, []string{"params", "x"}, Plain, 0}}},

		"one word is the shell's":     {"$(foo)", nil},
		"a command is the shell's":    {"$(date +%s)", nil},
		"white space":                 {"$( params.x )", nil},
		"not closed":                  {"$(params.x", nil},
		"only the opening":            {"$(", nil},
		"an empty name":               {"$(params..x)", nil},
		"an empty bracket":            {"$(params[])", nil},
		"an empty quoted name":        {"$(params[''])", nil},
		"quotes that do not match":    {`$(params["x'])`, nil},
		"a negative index":            {"$(params.x[-1])", nil},
		"a huge index":                {"$(params.x[99999999999])", nil},
		"a key behind an index":       {"$(params.x[0].y)", nil},
		"two selectors":               {"$(params.x[0][1])", nil},
		"arithmetic":                  {"$((1+2))", nil},
		"a bracket that never closes": {"$(params.x[)", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, References(tc.in)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReferenceMeans(t *testing.T) {
	for in, want := range map[string][3]string{
		"$(params.x)":                          {"x", "", ""},
		"$(inputs.params.x)":                   {"x", "", ""},
		"$(inputs.resources)":                  {"", "", ""},
		"$(tasks.a.results['r.s'].k)":          {"", "a", "r.s"},
		"$(finally.f.results.r)":               {"", "f", "r"},
		"$(tasks.a.status)":                    {"", "", ""},
		"$(steps.s.results.r)":                 {"", "", ""},
		"$(tasks.a.outputs.image)":             {"", "", ""},
		`$(tasks["a"]["results"]["b"])`:        {"", "a", "b"},
		"$(params.x.results.r)":                {"x", "", ""},
		"$(context.pipelineRun.results.extra)": {"", "", ""},
	} {
		r, ok := Isolated(in)
		if !ok {
			t.Errorf("%s is one reference", in)
			continue
		}
		param, _ := r.Param()
		task, result, _ := r.Result()
		if got := [3]string{param, task, result}; got != want {
			t.Errorf("%s means %v, want %v", in, got, want)
		}
	}
}

func vars() Vars {
	var v Vars
	v.SetText("params.name", "world")
	v.SetText("params.dotted.name", "dots")
	v.SetText("params.tricky", "$(params.name)")
	v.SetText("params.empty", "")
	v.Set("params.hosts", List("a", "b"))
	v.Set("params.none", List())
	v.Set("params.git", Map(map[string]string{"url": "u", "revision": "r"}))
	v.SetText("context.taskRun.name", "tr")
	v.Close("params")
	return v
}

func TestSubstitute(t *testing.T) {
	for name, tc := range map[string]struct{ in, want, err string }{
		"nothing to do":                         {in: "plain $HOME", want: "plain $HOME"},
		"in the middle":                         {in: "hello $(params.name)!", want: "hello world!"},
		"legacy prefix":                         {in: "$(inputs.params.name)", want: "world"},
		"dots in the name, quoted":              {in: `$(params["dotted.name"])`, want: "dots"},
		"empty value":                           {in: "<$(params.empty)>", want: "<>"},
		"a value is not read again":             {in: "$(params.tricky)", want: "$(params.name)"},
		"element":                               {in: "$(params.hosts[1])", want: "b"},
		"key":                                   {in: "$(params.git.url)", want: "u"},
		"the kubelet's escape is not ours":      {in: "$$(params.name)", want: "$world"},
		"nested: the inner one, once":           {in: "$(cat $(params.name))", want: "$(cat world)"},
		"unknown in an open namespace stays":    {in: "$(context.task2.status) $(foo) $(foo.bar)", want: "$(context.task2.status) $(foo) $(foo.bar)"},
		"unknown in a closed one, with a guess": {in: "$(params.nmae)", err: `$(params.nmae): unknown variable; did you mean "params.name"?`},
		"unknown and nothing near":              {in: "$(params.zzzzzzzz)", err: "$(params.zzzzzzzz): unknown variable"},
		"out of bounds":                         {in: "$(params.hosts[2])", err: "$(params.hosts[2]): index 2 is out of bounds: the array has 2 elements"},
		"missing key":                           {in: "$(params.git.ulr)", err: `$(params.git.ulr): no key "ulr" in the object; did you mean "url"?`},
		"an array in a string":                  {in: "x $(params.hosts[*])", err: "$(params.hosts[*]): this is an array: it may only stand alone as an element of a list, so name one element of it"},
		"an index into a string":                {in: "$(params.name[0])", err: "$(params.name[0]): an index needs an array, and this is a string"},
		"a star on a string":                    {in: "$(params.name[*])", err: "$(params.name[*]): [*] needs an array or an object, and this is a string"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Substitute(tc.in, vars())
			if msg := message(err); got != tc.want || msg != tc.err {
				t.Errorf("got %q, %q; want %q, %q", got, msg, tc.want, tc.err)
			}
		})
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestErrorsTellTheirCause(t *testing.T) {
	for in, want := range map[string]error{
		"$(params.nope)":      ErrUnknown,
		"$(params.hosts[9])":  ErrBounds,
		"$(params.git.nope)":  ErrKey,
		"-$(params.hosts[*])": ErrKind,
	} {
		if _, err := Substitute(in, vars()); !errors.Is(err, want) {
			t.Errorf("%s: %v is not %v", in, err, want)
		}
	}
}

func TestSubstituteList(t *testing.T) {
	for name, tc := range map[string]struct {
		in, want []string
		err      string
	}{
		"an isolated array spreads":              {in: []string{"x", "$(params.hosts[*])", "y"}, want: []string{"x", "a", "b", "y"}},
		"also without the star, as old Tasks do": {in: []string{"$(params.hosts)"}, want: []string{"a", "b"}},
		"an empty array vanishes":                {in: []string{"x", "$(params.none[*])"}, want: []string{"x"}},
		"an unknown one stays":                   {in: []string{"$(other.hosts[*])"}, want: []string{"$(other.hosts[*])"}},
		"nil stays nil":                          {},
		"an array beside text":                   {in: []string{"x$(params.hosts[*])"}, err: "$(params.hosts[*]): this is an array: it may only stand alone as an element of a list, so name one element of it"},
		"an object":                              {in: []string{"$(params.git[*])"}, err: "$(params.git[*]): this is an object: name one key of it"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := SubstituteList(tc.in, vars())
			if msg := message(err); msg != tc.err || !slices.Equal(got, tc.want) || (got == nil) != (tc.want == nil) {
				t.Errorf("got %q, %q; want %q, %q", got, msg, tc.want, tc.err)
			}
		})
	}
}

func TestSubstituteValue(t *testing.T) {
	for name, tc := range map[string]struct{ in, want Value }{
		"text":                         {Text("<$(params.name)>"), Text("<world>")},
		"a string becomes an array":    {Text("$(params.hosts[*])"), List("a", "b")},
		"a string becomes an object":   {Text("$(params.git[*])"), Map(map[string]string{"url": "u", "revision": "r"})},
		"the whole of a string":        {Text("$(params.name[*])"), Text("world")},
		"an array spreads in an array": {List("z", "$(params.hosts[*])"), List("z", "a", "b")},
		"in an object's values":        {Map(map[string]string{"k": "$(params.name)"}), Map(map[string]string{"k": "world"})},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := SubstituteValue(tc.in, vars())
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Error(diff, err)
			}
		})
	}
	if _, err := SubstituteValue(Map(map[string]string{"k": "$(params.qqqqqq)"}), vars()); message(err) != `key "k": $(params.qqqqqq): unknown variable` {
		t.Errorf("the error does not name the key: %v", err)
	}
}

func TestWhen(t *testing.T) {
	for name, tc := range map[string]struct {
		when When
		want bool
		err  string
	}{
		"in":                      {when: When{"$(params.name)", "in", []string{"x", "world"}}, want: true},
		"not in":                  {when: When{"$(params.name)", "in", []string{"x"}}},
		"notin":                   {when: When{"$(params.name)", "notin", []string{"x"}}, want: true},
		"values from an array":    {when: When{"b", "in", []string{"$(params.hosts[*])"}}, want: true},
		"no value at all":         {when: When{"b", "in", []string{"$(params.none[*])"}}},
		"an operator that is not": {when: When{"b", "is", nil}, err: `operator "is": use "in" or "notin"`},
		"an unknown variable":     {when: When{"$(params.no)", "in", nil}, err: `$(params.no): unknown variable; did you mean "params.none"?`},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := tc.when.Substitute(vars())
			var got bool
			if err == nil {
				got, err = w.Holds()
			}
			if msg := message(err); got != tc.want || msg != tc.err {
				t.Errorf("got %v, %q; want %v, %q", got, msg, tc.want, tc.err)
			}
		})
	}
}

// Whatever a user writes, reading it must not panic, must end, and each found
// reference must read the same when it is written out and read again.
func FuzzReferences(f *testing.F) {
	for _, s := range []string{"", "$(", "$(params.x)", "$(params['x'])", `$(params["x.y"][*])`, "$(tasks.a.results.b[0])", "$($(params.x))",
		"$$(params.x)", "$(params.x[", "$(a.b)$(c.d)", "é$(params.é)", "$(params['a]b'])", "$(params.x[007])", "$(params['a b'])", "$(inputs.params.x)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		end := 0
		for _, r := range References(s) {
			if r.Pos < end || r.End > len(s) || !strings.HasPrefix(s[r.Pos:r.End], "$(") || s[r.End-1] != ')' {
				t.Fatalf("%q: reference at [%d:%d]", s, r.Pos, r.End)
			}
			end = r.End
			again, ok := Isolated(r.String())
			if !ok || again.Name() != r.Name() || again.Selector != r.Selector || again.Index != r.Index {
				t.Fatalf("%q was read again as %+v, %v", r.String(), again, ok)
			}
		}
		var open Vars
		if got, err := Substitute(s, open); err != nil || got != s {
			t.Fatalf("no variables, yet %q became %q, %v", s, got, err)
		}
	})
}
