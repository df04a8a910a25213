package guard

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/entrypoint/contract"
	interpreter "github.com/slipway-dev/slipway/entrypoint/guard"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/untrusted"
)

// results are what steps left behind.
var results = map[string]string{
	"$(steps.a.results.word)":  "green",
	"$(steps.a.results.empty)": "",
	"$(steps.a.results.seven)": "7",
	"$(steps.a.results.half)":  "0.5",
	"$(steps.a.results.yes)":   "true",
	"$(steps.a.results.quote)": `it's "x"`,
}

func put(s string) string {
	for ref, value := range results {
		s = strings.ReplaceAll(s, ref, value)
	}
	return s
}

func ofStep(r expr.Reference) bool { return r.Path[0] == "steps" }

// The entrypoint must answer as the library of CEL does, which sees the expression
// with the values in it.
func TestEntrypointAgreesWithCEL(t *testing.T) {
	for _, text := range []string{
		`'$(steps.a.results.word)' == 'green'`,
		`'$(steps.a.results.word)' != "green"`,
		`'$(steps.a.results.word)' in ['red', 'green']`,
		`!('$(steps.a.results.word)' in ['red'])`,
		`"$(steps.a.results.word)-$(steps.a.results.seven)" == 'green-7'`,
		`'$(steps.a.results.empty)' == ''`,
		`size('$(steps.a.results.word)') == 5 && 'äö'.size() == 2 && size([1, 2]) == 2`,
		`'$(steps.a.results.word)'.startsWith('gr') && '$(steps.a.results.word)'.endsWith('n') && '$(steps.a.results.word)'.contains('ee')`,
		`'$(steps.a.results.word)'.startsWith('x')`,
		`'$(steps.a.results.word)'.endsWith('x')`,
		`$(steps.a.results.seven) > 3`,
		`$(steps.a.results.seven) >= 8 || $(steps.a.results.seven) <= 7`,
		`$(steps.a.results.seven) % 4 == 3 && $(steps.a.results.seven) / 2 == 3 && -$(steps.a.results.seven) == -7`,
		`$(steps.a.results.seven) * 6 - 2 + 1 == 41`,
		`int('$(steps.a.results.seven)') < 10 ? 'a' < 'b' : false`,
		`int('$(steps.a.results.seven)') > 10 ? true : 'b' < 'a'`,
		`double('$(steps.a.results.half)') * 2.0 == 1.0 && $(steps.a.results.half) < 1.0`,
		`1.0 / double('$(steps.a.results.half)') - 1.0 + 2.0 == 3.0 && int(2.9) == $(steps.a.results.seven) - 5`,
		`string($(steps.a.results.seven)) + string(true) + string(0.5) == '7true0.5'`,
		`bool('$(steps.a.results.yes)') && $(steps.a.results.yes)`,
		`$(steps.a.results.yes) == false`,
		`dyn($(steps.a.results.seven)) == 7.0`,
		`['$(steps.a.results.word)', 'b'][0] == 'green' && ([1] + [2]) == [1, $(steps.a.results.seven) - 5]`,
		`['a', '$(steps.a.results.word)'].exists(x, x == 'green')`,
		`['a', '$(steps.a.results.word)'].all(x, size(x) > 2)`,
		`['a', '$(steps.a.results.word)'].exists_one(x, x.startsWith('g'))`,
		`['a', '$(steps.a.results.word)'].filter(x, size(x) > 2) == ['green']`,
		`['a', '$(steps.a.results.word)'].map(x, size(x)) == [1, 5]`,
		`[[1], [2, $(steps.a.results.seven)]].exists(l, l.exists(x, x == 7))`,
		`['x', '7', '$(steps.a.results.word)'].exists(x, int(x) == 7)`,
		`int('$(steps.a.results.word)') == 1 || true`,
		`false && int('$(steps.a.results.word)') == 1`,
		`true < '$(steps.a.results.word)'.startsWith('g')`,
		`$(steps.a.results.seven) < 9223372036854775807 && 9223372036854775806 < 9223372036854775807`,
	} {
		t.Run(text, func(t *testing.T) {
			want, err := Holds(put(text))
			if err != nil {
				t.Fatal(err)
			}
			g, err := Translate(text, ofStep)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := interpreter.Holds(g, put); err != nil || got != want {
				t.Errorf("answered %v, %v; CEL answers %v", got, err, want)
			}
		})
	}
}

// What a step wrote stays a text, also with quotes in it.
func TestResultsBecomeNoExpression(t *testing.T) {
	g, err := Translate(`'$(steps.a.results.quote)' == 'it\'s "x"'`, ofStep)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := interpreter.Holds(g, put); err != nil || !ok {
		t.Errorf("answered %v, %v", ok, err)
	}
}

func TestEntrypointHasNoAnswer(t *testing.T) {
	for text, want := range map[string]string{
		`$(steps.a.results.word) == 'green'`:                                       `the value of $(steps.a.results.word) is "green", which is neither a number nor true or false: put the reference in quotes`,
		`int('$(steps.a.results.word)') == 1`:                                      "invalid syntax",
		`$(steps.a.results.seven) / 0 == 1`:                                        "division by zero",
		`$(steps.a.results.seven) % 0 == 1`:                                        "division by zero",
		`$(steps.a.results.seven) * 9223372036854775807 == 1`:                      "larger than 64 bits",
		`$(steps.a.results.seven) + 9223372036854775807 == 1`:                      "larger than 64 bits",
		`-$(steps.a.results.seven) - 9223372036854775807 == 1`:                     "larger than 64 bits",
		`[1, 2][$(steps.a.results.seven)] == 1`:                                    "[] has no answer",
		`$(steps.a.results.seven)`:                                                 "must be true or false, and is 7",
		`$(steps.a.results.seven) && true`:                                         "7 is neither true nor false",
		`$(steps.a.results.seven) < 'a'`:                                           `< has no answer for 7 and "a"`,
		`'$(steps.a.results.word)' == 'x' || $(steps.a.results.seven) + 'a' == ''`: `+ has no answer for 7 and "a"`,
		`['x', '$(steps.a.results.word)'].exists(x, int(x) == 7)`:                  "invalid syntax",
		nested: "more than 1000000 operations",
	} {
		t.Run(text, func(t *testing.T) {
			g, err := Translate(text, ofStep)
			if err != nil {
				t.Fatal(err)
			}
			if ok, err := interpreter.Holds(g, put); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("answered %v, %v; want an error with %q", ok, err, want)
			}
		})
	}
}

// nested asks 8^8 questions.
var nested = strings.Repeat("[1,2,3,4,5,6,7,8].all(x, ", 8) + "$(steps.a.results.seven) == 7" + strings.Repeat(")", 8)

func TestTranslateRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`'$(steps.a.results.word)' = 'x'`:           `cel "'$(steps.a.results.word)' = 'x'": Syntax error`,
		`'$(steps.a.results.word)'.matches('^g')`:   "the function matches is not available where a guard needs the result of a step",
		`{'a': '$(steps.a.results.word)'}.a == 'x'`: "a map or an object is not available",
		`'$(steps.a.results.word)' == string(b'x')`: "null, an unsigned number or a text of bytes is not available",
		`'$(steps.a.results.word)'`:                 "the answer must be true or false",
		`$(steps.a.results.word) == nothing`:        "undeclared reference to 'nothing'",
		`$(steps.a.results.word).nothing(1)`:        "undeclared reference to 'nothing'",
		`'a'`:                                       "the answer must be true or false",
		`'a' == 1`:                                  "found no matching overload for '_==_'",
	} {
		t.Run(text, func(t *testing.T) {
			if g, err := Translate(text, ofStep); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("translated to %+v, %v; want an error with %q", g, err, want)
			}
		})
	}
}

func TestWithoutResultsTheAnswerIsFoundNow(t *testing.T) {
	g, err := Translate(`'a'.matches('^a$')`, ofStep)
	if err != nil || g.Op != contract.GuardBool || g.Text != "true" {
		t.Errorf("translated to %+v, %v", g, err)
	}
}

func TestCheckValues(t *testing.T) {
	var vars expr.Vars
	vars.SetText("params.branch", `x' == 'x' || '`)
	vars.SetText("params.mode", "fast")
	strangers := untrusted.Decode(untrusted.Encode([]string{`x' == 'x' || '`}))
	if err := CheckValues("'$(params.mode)' == 'fast'", vars, strangers); err != nil {
		t.Error(err)
	}
	if err := CheckValues("'$(params.branch)' == 'main'", vars, strangers); err == nil || !strings.Contains(err.Error(), "$(params.branch): its value is one that anybody may choose") {
		t.Errorf("answered %v", err)
	}
}
