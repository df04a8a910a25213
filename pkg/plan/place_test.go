package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/coschedule"
)

// Which tasks of a run share a node: the letters are groups, a dash is none.
func TestCoscheduling(t *testing.T) {
	const spec = `
workspaces:
- {name: src, volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce]}}}
- {name: cache, persistentVolumeClaim: {claimName: cache}}
- {name: again, persistentVolumeClaim: {claimName: cache}}
- {name: wide, volumeClaimTemplate: {spec: {accessModes: [ReadWriteMany]}}}
- {name: alone, persistentVolumeClaim: {claimName: alone}}
pipelineSpec:
  workspaces: [{name: src}, {name: cache}, {name: again}, {name: wide}, {name: alone}]
  tasks:
  - {name: a, workspaces: [{name: w, workspace: src}], taskRef: {name: t}}
  - {name: b, taskSpec: {steps: [{name: s, image: i, script: ls $(workspaces.src.path)}]}}
  - {name: c, workspaces: [{name: cache}], taskRef: {name: t}}
  - {name: d, workspaces: [{name: w, workspace: wide}], taskRef: {name: t}}
  - {name: e, workspaces: [{name: w, workspace: wide}, {name: alone}], taskRef: {name: t}}
  - {name: child, workspaces: [{name: again}], pipelineRef: {name: p}}
  finally:
  - {name: f, workspaces: [{name: src}], taskRef: {name: t}}
`
	for name, tc := range map[string]struct {
		mode  coschedule.Mode
		label string
		edit  func(string) string
		want  string
	}{
		"workspaces":    {mode: coschedule.Workspaces, want: "a:A b:A c:B child:B d:- e:-"},
		"by default":    {want: "a:A b:A c:B child:B d:- e:-"},
		"tied":          {want: "a:A b:A c:A child:A d:- e:-", edit: func(s string) string { return strings.Replace(s, "[{name: cache}]", "[{name: cache}, {name: src}]", 1) }},
		"pipelineruns":  {mode: coschedule.PipelineRuns, want: "a:A b:A c:A child:A d:A e:A"},
		"isolated":      {mode: coschedule.Isolate, want: "a:A b:A c:A child:A d:A e:A"},
		"disabled":      {mode: coschedule.Disabled, want: "a:- b:- c:- child:- d:- e:-"},
		"in a parent's": {label: "parents", want: "a:A b:A c:A child:A d:A e:A"},
		"a matrix shares": {want: "a:A b:A c:B child:B d:- e:C", edit: func(s string) string {
			return strings.Replace(s, "{name: e,", "{name: e, matrix: {params: [{name: p, value: [k, l]}]},", 1)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			text := spec
			if tc.edit != nil {
				text = tc.edit(text)
			}
			p := newPlay(t, text, nil)
			p.run.UID = "u-1"
			if tc.label != "" {
				p.run.Labels = map[string]string{coschedule.Label: tc.label}
			}
			p.step()
			in := p.input()
			in.Defaults.Coschedule = tc.mode
			d := Next(in)
			letters, seen := map[string]string{"": "-"}, map[string]string{}
			note := func(labels map[string]string) {
				seen[labels[v1.LabelPipelineTask]] = labels[coschedule.Label]
			}
			for _, tr := range d.TaskRuns {
				note(tr.Labels)
			}
			for _, pr := range d.PipelineRuns {
				note(pr.Labels)
			}
			var got []string
			for _, task := range []string{"a", "b", "c", "child", "d", "e"} {
				group, made := seen[task]
				if !made {
					t.Fatalf("%s was not created: %+v", task, d.Status.Conditions)
				}
				if letters[group] == "" {
					letters[group] = string(rune('A' + len(letters) - 1))
				}
				got = append(got, task+":"+letters[group])
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("groups (-want +got):\n%s", diff)
			}
		})
	}
}
