package describe

import (
	"cmp"
	"fmt"
	"strings"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

func (p *page) pipeline(pl *v1.Pipeline) {
	p.title("Pipeline", pl.Name, pl.Spec.Description)
	p.section("Params", paramSpecRows(pl.Spec.Params))
	var workspaces []row
	for _, w := range pl.Spec.Workspaces {
		workspaces = append(workspaces, workspaceRow(w.Name, w.Description, w.Optional))
	}
	p.section("Workspaces", workspaces)
	p.section("Tasks", taskRows(pl.Spec.Tasks))
	p.section("Finally", taskRows(pl.Spec.Finally))
	var results []row
	for _, r := range pl.Spec.Results {
		results = append(results, row{r.Name, r.Description})
	}
	p.section("Results", results)
	fmt.Fprintf(&p.text, "\n%s\n", p.style.Faint("start it: slipway start "+pl.Name))
}

func (p *page) task(t *v1.Task) {
	p.title("Task", t.Name, t.Spec.Description)
	p.section("Params", paramSpecRows(t.Spec.Params))
	var workspaces []row
	for _, w := range t.Spec.Workspaces {
		workspaces = append(workspaces, workspaceRow(w.Name, w.Description, w.Optional))
	}
	p.section("Workspaces", workspaces)
	var steps []row
	for i, s := range t.Spec.Steps {
		if s.Name == "" {
			s.Name = fmt.Sprintf("unnamed-%d", i)
		}
		steps = append(steps, row{s.Name, s.Image})
	}
	p.section("Steps", steps)
	var results []row
	for _, r := range t.Spec.Results {
		results = append(results, row{r.Name, r.Description})
	}
	p.section("Results", results)
	fmt.Fprintf(&p.text, "\n%s\n", p.style.Faint("start it: slipway start task/"+t.Name))
}

func (p *page) title(kind, name, description string) {
	fmt.Fprintf(&p.text, "%s %s\n", kind, p.style.Bold(name))
	if description = strings.TrimSpace(description); description != "" {
		fmt.Fprintf(&p.text, "  %s\n", strings.ReplaceAll(description, "\n", "\n  "))
	}
}

func paramSpecRows(specs v1.ParamSpecs) (rows []row) {
	for _, spec := range specs {
		text := "required"
		if spec.Default != nil {
			text = "default " + cmp.Or(value(*spec.Default), `""`)
		}
		if spec.Type != "" && spec.Type != v1.ParamTypeString {
			text = string(spec.Type) + ", " + text
		}
		if len(spec.Enum) > 0 {
			text += ", one of " + strings.Join(spec.Enum, ", ")
		}
		rows = append(rows, described(spec.Name, text, spec.Description))
	}
	return rows
}

func workspaceRow(name, description string, optional bool) row {
	text := "required"
	if optional {
		text = "optional"
	}
	return described(name, text, description)
}

func described(name, text, description string) row {
	if description = strings.TrimSpace(description); description != "" {
		text += "; " + description
	}
	return row{name, text}
}

func taskRows(tasks []v1.PipelineTask) (rows []row) {
	for _, t := range tasks {
		what := "written in place"
		switch {
		case t.TaskRef != nil && t.TaskRef.Name != "":
			what = "task " + t.TaskRef.Name
		case t.TaskRef != nil:
			what = "task from " + string(t.TaskRef.Resolver)
		}
		if len(t.RunAfter) > 0 {
			what += ", after " + strings.Join(t.RunAfter, ", ")
		}
		rows = append(rows, row{t.Name, what})
	}
	return rows
}
