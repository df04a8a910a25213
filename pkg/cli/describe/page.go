package describe

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/cli/internal/runs"
	"github.com/slipway-dev/slipway/pkg/cli/internal/style"
)

// page is a description as it grows.
type page struct {
	style style.Style
	now   time.Time
	text  strings.Builder
}

// row is a name and what is to say of it.
type row struct{ name, value string }

// section writes a heading and its rows, or nothing if there are none.
func (p *page) section(title string, rows []row) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(&p.text, "\n%s\n", p.style.Bold(title))
	p.rows(rows)
}

func (p *page) rows(rows []row) {
	width := 0
	for _, r := range rows {
		width = max(width, utf8.RuneCountInString(r.name))
	}
	for _, r := range rows {
		pad := strings.Repeat(" ", width-utf8.RuneCountInString(r.name))
		value := strings.ReplaceAll(strings.TrimRight(r.value, "\n"), "\n", "\n  "+strings.Repeat(" ", width+2))
		fmt.Fprintln(&p.text, strings.TrimRight("  "+r.name+pad+"  "+value, " "))
	}
}

// head writes what the run is, how it stands, and at once what failed.
func (p *page) head(r runs.Run, failures []row) {
	s, state := p.style, r.State()
	took := r.Took(p.now)
	fmt.Fprintln(&p.text, strings.TrimRight(fmt.Sprintf("%s %s %s  %s  %s", s.Symbol(state), r.Kind(), s.Bold(r.Name()), s.Paint(state, r.Reason()), took), " "))
	if m := r.Message(); m != "" && state != style.Succeeded {
		fmt.Fprintf(&p.text, "  %s\n", s.Paint(state, m))
	}
	p.section("Failed", failures)
	rows := []row{{"Namespace", r.Object().GetNamespace()}}
	if r.Of() != "" {
		rows = append(rows, row{strings.TrimSuffix(r.Kind(), "Run"), r.Of()})
	}
	if t := r.Started(); t != nil {
		rows = append(rows, row{"Started", fmt.Sprintf("%s (%s)", t.UTC().Format("2006-01-02 15:04:05 MST"), runs.Ago(t.Time, p.now))})
	}
	p.section("Run", rows)
}

func paramRows(params v1.Params) (rows []row) {
	for _, param := range params {
		rows = append(rows, row{param.Name, value(param.Value)})
	}
	return rows
}

func value(v v1.ParamValue) string {
	switch v.Type {
	case v1.ParamTypeArray:
		return "[" + strings.Join(v.ArrayVal, ", ") + "]"
	case v1.ParamTypeObject:
		var pairs []string
		for _, k := range slices.Sorted(maps.Keys(v.ObjectVal)) {
			pairs = append(pairs, k+": "+v.ObjectVal[k])
		}
		return "{" + strings.Join(pairs, ", ") + "}"
	default:
		return v.StringVal
	}
}

func workspaceRows(bindings []v1.WorkspaceBinding) (rows []row) {
	for _, b := range bindings {
		text := source(b)
		if b.SubPath != "" {
			text += ", folder " + b.SubPath
		}
		rows = append(rows, row{b.Name, text})
	}
	return rows
}

func source(b v1.WorkspaceBinding) string {
	switch {
	case b.EmptyDir != nil:
		return "emptyDir"
	case b.PersistentVolumeClaim != nil:
		return "claim " + b.PersistentVolumeClaim.ClaimName
	case b.VolumeClaimTemplate != nil:
		return "a claim of its own, " + b.VolumeClaimTemplate.Spec.Resources.Requests.Storage().String()
	case b.ConfigMap != nil:
		return "configMap " + b.ConfigMap.Name
	case b.Secret != nil:
		return "secret " + b.Secret.SecretName
	case b.Projected != nil:
		return "projected"
	case b.CSI != nil:
		return "csi " + b.CSI.Driver
	default:
		return ""
	}
}
