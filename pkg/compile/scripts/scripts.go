// Package scripts puts variables into what an interpreter reads as code, so that a
// value that a stranger chose stays a value: it comes by the environment.
package scripts

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/entrypoint/contract"
	"github.com/slipway-dev/slipway/pkg/compile/fields"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/untrusted"
)

// Code is what a step, a sidecar or the template of steps runs.
type Code struct {
	// Script may be nil, where there can be none.
	Script        *string
	Command, Args *[]string
	Env           *[]corev1.EnvVar
	// Inherited is the command where Command is empty.
	Inherited []string
}

// OfStep is what a step runs, with the template of steps or nil.
func OfStep(s *v1.Step, template *v1.StepTemplate) Code {
	code := Code{Script: &s.Script, Command: &s.Command, Args: &s.Args, Env: &s.Env}
	if template != nil {
		code.Inherited = template.Command
	}
	return code
}

// OfSidecar is what a sidecar runs.
func OfSidecar(s *v1.Sidecar) Code {
	return Code{Script: &s.Script, Command: &s.Command, Args: &s.Args, Env: &s.Env}
}

// OfTemplate is what steps run that do not say it themselves.
func OfTemplate(t *v1.StepTemplate) Code {
	return Code{Command: &t.Command, Args: &t.Args, Env: &t.Env}
}

// hole stands in the place of a code until all else is put in.
const hole = "\x00code\x00"

// Put puts the variables of w into code, and has rest put them everywhere else. Where
// a value holds one of strangers, a shell gets a variable of the environment in its
// place; the error is that it cannot, with a way out.
func Put(c Code, w fields.Walker, strangers untrusted.Values, rest func() error) error {
	// What was put there before is a value, and no text with variables.
	isValue := func(e corev1.EnvVar) bool { return strings.HasPrefix(e.Name, contract.ValuePrefix) }
	p := &putter{walker: w, strangers: strangers, env: slices.Clone(*c.Env)}
	*c.Env = slices.DeleteFunc(*c.Env, isValue)
	err := p.put(c, rest)
	for _, e := range p.env {
		if isValue(e) {
			*c.Env = append(*c.Env, e)
		}
	}
	*c.Env = append(*c.Env, p.added...)
	return err
}

type putter struct {
	walker    fields.Walker
	strangers untrusted.Values
	// env is what there was, and added is what comes with the values.
	env, added []corev1.EnvVar
}

func (p *putter) put(c Code, rest func() error) error {
	if p.strangers.None() {
		return rest()
	}
	fillScript, err := p.script(c)
	if err != nil {
		return err
	}
	fillWord, err := p.word(c)
	if err == nil {
		err = rest()
	}
	fillScript()
	fillWord()
	return err
}

// script makes a hole of the script; fill puts what is run into it.
func (p *putter) script(c Code) (fill func(), err error) {
	if c.Script == nil || *c.Script == "" {
		return func() {}, nil
	}
	out, err := p.code(*c.Script, ofScript(*c.Script))
	if err != nil {
		return nil, fields.At("script", err)
	}
	*c.Script = hole
	return func() { *c.Script = out }, nil
}

// word makes a hole of the word of the command that is code.
func (p *putter) word(c Code) (fill func(), err error) {
	fill = func() {}
	words, inherited := slices.Clone(*c.Command), 0
	if len(words) == 0 && (c.Script == nil || *c.Script == "") {
		words, inherited = slices.Clone(c.Inherited), len(c.Inherited)
	}
	commands := len(words)
	words = append(words, *c.Args...)
	i, language, ok := codeIn(words)
	if !ok || i < inherited {
		return fill, nil
	}
	list, name := c.Command, "command"
	if i >= commands {
		list, name, i = c.Args, "args", i-commands
	}
	out, err := p.code((*list)[i], language)
	if err != nil {
		return fill, fields.At(name, fields.At("["+strconv.Itoa(i)+"]", err))
	}
	(*list)[i] = hole
	return func() {
		// A list before it may have become longer or shorter.
		if i := slices.Index(*list, hole); i >= 0 {
			(*list)[i] = out
		}
	}, nil
}

// hostile is a reference whose value a stranger had a part in.
type hostile struct {
	ref         expr.Reference
	value, mark string
}

// code returns a code with all variables put in.
func (p *putter) code(text string, language interpreter) (string, error) {
	text, err := p.walker.Prepare(text)
	if err != nil {
		return "", err
	}
	if r, ok := expr.Isolated(text); ok && r.Selector == expr.All {
		return text, p.array(r)
	}
	marked, found, err := p.marked(text)
	if err != nil || len(found) == 0 {
		return marked, err
	}
	where, unread := judge(marked, found, language)
	for _, h := range found {
		at := where[h.mark]
		if unread != nil {
			at.err = unread
		}
		put := h.value
		switch {
		case at.err == nil:
			put = at.form.text(p.variable(h))
		case !language.mild || !isMild(h.value):
			return "", fmt.Errorf("%s: its value is one that anybody may choose, and %w; give the step an env entry with the value %s and use that", h.ref, at.err, h.ref)
		}
		marked = strings.ReplaceAll(marked, h.mark, put)
	}
	return marked, nil
}

// judge finds where the marks stand; the error is of all of them.
func judge(marked string, found []hostile, language interpreter) (map[string]place, error) {
	if language.dialects == nil {
		return nil, fmt.Errorf("%s would read it as code", language.name)
	}
	marks := make([]string, len(found))
	for i, h := range found {
		marks[i] = h.mark
	}
	return places(marked, marks, language.dialects)
}

// array refuses a code that comes with an array.
func (p *putter) array(r expr.Reference) error {
	value, _, err := p.walker.Vars.Lookup(r)
	if err == nil && slices.ContainsFunc(value.Array, p.strangers.In) {
		return fmt.Errorf("%s: one of its values is one that anybody may choose, and would be run", r)
	}
	return err
}

// marked returns the text with the values that are known, and marks in the place of
// those of strangers.
func (p *putter) marked(text string) (string, []hostile, error) {
	for mark := "slipwayvalue"; ; mark += "x" {
		var found []hostile
		out, err := expr.SubstituteBy(text, p.walker.Vars, func(r expr.Reference, value string) string {
			if !p.strangers.In(value) {
				return value
			}
			h := hostile{r, value, mark + strconv.Itoa(len(found)) + "z"}
			found = append(found, h)
			return h.mark
		})
		if err != nil || strings.Count(out, mark) == len(found) {
			return out, found, err
		}
	}
}

// isMild reports whether a value is of words only.
func isMild(s string) bool {
	return untrusted.IsSafe(strings.Map(func(r rune) rune {
		if r == ' ' || r > 0x7f && r != 0x2028 && r != 0x2029 && r != 0x85 {
			return '-'
		}
		return r
	}, s))
}

// variable returns the name of a variable of the environment that holds a value.
func (p *putter) variable(h hostile) string {
	// The kubelet would look up what stands in $(…).
	value := strings.ReplaceAll(h.value, "$", "$$")
	text := h.ref.Name()
	if h.ref.Selector == expr.At {
		text += "_" + strconv.Itoa(h.ref.Index)
	}
	base := contract.ValuePrefix + strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, strings.ToUpper(text))
	for name, n := base, 2; ; name, n = base+"_"+strconv.Itoa(n), n+1 {
		all := append(slices.Clone(p.env), p.added...)
		i := slices.IndexFunc(all, func(e corev1.EnvVar) bool { return e.Name == name })
		if i < 0 {
			p.added = append(p.added, corev1.EnvVar{Name: name, Value: value})
			return name
		}
		if i >= len(p.env) && all[i].Value == value {
			return name
		}
	}
}
