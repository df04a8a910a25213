package entrypoint

import (
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/entrypoint/contract"
	"github.com/slipway-dev/slipway/entrypoint/guard"
)

// replacements are the values of a step's refs. One that does not exist, for
// the step that was to write it was skipped, is not among them: its text stays.
type replacements []replacement

type replacement struct {
	text string
	list []string // of an All: put in the place of a whole argument
	all  bool
	// script says that it is replaced in scripts too.
	script bool
}

func (e *entry) loadRefs() replacements {
	var out replacements
	for _, ref := range e.Refs {
		if list, ok := load(ref); ok {
			out = append(out, replacement{text: ref.Text, list: list, all: ref.All, script: ref.Artifacts != "" || ref.Task})
		}
	}
	return out
}

func load(ref contract.Ref) ([]string, bool) {
	f, err := os.Open(ref.File)
	if err != nil {
		return nil, false
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, contract.MaxResults))
	if err != nil {
		return nil, false
	}
	switch {
	case ref.Artifacts != "":
		return artifact(data, ref)
	case ref.Key != "":
		var object map[string]string
		err := json.Unmarshal(data, &object)
		value, ok := object[ref.Key]
		return []string{value}, err == nil && ok
	case ref.All, ref.Index != nil:
		var list []string
		if json.Unmarshal(data, &list) != nil {
			return nil, false
		}
		if ref.All {
			return list, true
		}
		if *ref.Index < 0 || *ref.Index >= len(list) {
			return nil, false
		}
		return list[*ref.Index : *ref.Index+1], true
	}
	return []string{string(data)}, true
}

// artifact is where the artifact that ref means is, as JSON: places and digests.
func artifact(report []byte, ref contract.Ref) ([]string, bool) {
	var sections map[string][]struct {
		Name   string `json:"name"`
		Values []struct {
			Digest map[string]string `json:"digest,omitempty"`
			URI    string            `json:"uri,omitempty"`
		} `json:"values"`
	}
	if json.Unmarshal(report, &sections) != nil {
		return nil, false
	}
	for _, a := range sections[ref.Artifacts] {
		if ref.Key == "" || a.Name == ref.Key {
			text, err := json.Marshal(a.Values)
			return []string{string(text)}, err == nil
		}
	}
	return nil, false
}

// one replaces refs within a string.
func (rs replacements) one(s string) string {
	for _, r := range rs {
		if !r.all {
			s = strings.ReplaceAll(s, r.text, r.list[0])
		}
	}
	return s
}

// script replaces those refs that a script may have.
func (rs replacements) script(s string) string {
	return slices.DeleteFunc(slices.Clone(rs), func(r replacement) bool { return !r.script }).one(s)
}

// list replaces refs in each string of a list; one that is an All becomes many.
func (rs replacements) list(args []string) []string {
	var out []string
	for _, arg := range args {
		if i := slices.IndexFunc(rs, func(r replacement) bool { return r.all && r.text == arg }); i >= 0 {
			out = append(out, rs[i].list...)
		} else {
			out = append(out, rs.one(arg))
		}
	}
	return out
}

func (rs replacements) environ(env []string) []string {
	for i, kv := range env {
		if name, value, _ := strings.Cut(kv, "="); !strings.HasPrefix(name, contract.ValuePrefix) {
			env[i] = name + "=" + rs.one(value)
		}
	}
	return env
}

// hold says whether all guards are true. The error is that of one without an answer.
func hold(when []contract.When, guards []contract.Guard, rs replacements) (bool, error) {
	for _, w := range when {
		in := slices.Contains(rs.list(w.Values), rs.one(w.Input))
		if in != (w.Operator == "in") {
			return false, nil
		}
	}
	for _, g := range guards {
		if ok, err := guard.Holds(g, rs.one); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}
