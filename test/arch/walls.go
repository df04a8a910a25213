package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
)

// Module is the import path that every room's path is relative to.
const Module = "github.com/slipway-dev/slipway"

// Package is what a wall needs to know of one package: its path, what its
// non-test files import, and all that it links.
type Package struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Standard   bool
}

// A Wall says what the packages of some rooms may not reach.
type Wall struct {
	// Rooms are path prefixes below Module, such as "pkg/plan".
	Rooms []string
	// Except are rooms inside Rooms that the wall does not bind.
	Except []string
	// Direct and Transitive are import path prefixes that may not be imported
	// by the room itself, or be linked into it by any path. An entry that
	// starts with "./" is below Module.
	Direct, Transitive []string
	// Only, when set, turns the wall round: the room may link nothing but
	// the standard library and these prefixes.
	Only []string
	// Why is what the reader of a failure is told.
	Why string
}

var drivers = []string{"pkg/controller/taskrun", "pkg/controller/pipelinerun", "pkg/controller/customrun",
	"pkg/controller/attest", "pkg/controller/event", "pkg/controller/repository", "pkg/controller/report", "pkg/controller/listener", "pkg/controller/prune", "pkg/admission", "pkg/gateway", "pkg/cli"}

var adapters = []string{"pkg/kube", "pkg/resolve", "pkg/registry", "pkg/build", "pkg/sign", "pkg/forge", "pkg/logs", "pkg/metrics", "pkg/cloudevents", "pkg/interceptor", "pkg/cache"}

var forges = []string{"pkg/forge/gitea", "pkg/forge/github", "pkg/forge/gitlab", "pkg/forge/bitbucket/cloud",
	"pkg/forge/bitbucket/datacenter", "pkg/forge/generic", "pkg/forge/registry", "pkg/forge/forges"}

var pure = []string{"pkg/compile", "pkg/plan", "pkg/observe", "pkg/trigger", "pkg/triggers", "pkg/untrusted", "pkg/provenance", "pkg/expr", "pkg/dag", "pkg/manifest", "pkg/convert", "pkg/coschedule", "pkg/guard", "pkg/concurrency", "pkg/schedule", "pkg/share", "pkg/cache/key"}

var helpers = []string{"pkg/argv", "pkg/dockerconfig", "pkg/suggest"}

// Walls returns the rules of the house, as docs/architecture.md states them.
func Walls() []Wall {
	walls := []Wall{
		{Rooms: []string{"entrypoint", "cmd/entrypoint"}, Only: []string{"./entrypoint"},
			Why: "what is PID 1 of every step links the standard library only"},
		{Rooms: []string{"pkg/expr", "pkg/dag"}, Only: []string{"./pkg/expr", "./pkg/dag", "./pkg/suggest"},
			Why: "the language of references is usable anywhere"},
		{Rooms: helpers, Only: inModule(helpers), Why: "what many rooms lean on leans on none"},
		{Rooms: pure, Direct: []string{"net/http", "os", "os/exec", "net"}, Why: "a pure room does no I/O"},
		{Rooms: pure, Transitive: []string{"k8s.io/client-go", "sigs.k8s.io/controller-runtime"},
			Why: "a pure room has no client"},
		{Rooms: []string{"api", "pkg", "cmd", "entrypoint"}, Except: []string{"pkg/build/kaniko"},
			Direct: []string{"github.com/osscontainertools/kaniko"}, Why: "kaniko lives in pkg/build/kaniko"},
		{Rooms: []string{"api", "pkg", "entrypoint", "cmd/controller", "cmd/gateway", "cmd/signer", "cmd/slipway", "cmd/entrypoint"},
			Except:     []string{"pkg/build"},
			Transitive: []string{"github.com/osscontainertools/kaniko"}, Why: "only cmd/builder links kaniko"},
		{Rooms: []string{"api", "pkg", "cmd", "entrypoint"}, Except: []string{"pkg/sign"},
			Direct: []string{"github.com/sigstore/cosign"}, Why: "cosign lives in pkg/sign"},
		{Rooms: []string{"cmd/controller", "cmd/gateway", "cmd/builder"},
			Transitive: []string{"github.com/sigstore/cosign"}, Why: "the signer alone can sign"},
		{Rooms: []string{"api", "pkg", "entrypoint"}, Except: []string{"pkg/cli"},
			Direct: []string{"github.com/spf13/cobra"}, Why: "cobra lives in pkg/cli"},
		{Rooms: []string{"api", "pkg", "entrypoint"}, Except: []string{"pkg/kube", "pkg/controller", "pkg/admission"},
			Direct: []string{"sigs.k8s.io/controller-runtime"}, Why: "controller-runtime lives in kube, the controllers and admission"},
		{Rooms: []string{"api", "pkg", "cmd", "entrypoint"}, Except: []string{"pkg/cloudevents"},
			Direct: []string{"github.com/cloudevents"}, Why: "the CloudEvents SDK lives in pkg/cloudevents"},
		{Rooms: []string{"api", "pkg", "cmd", "entrypoint"}, Except: []string{"pkg/forge/github"},
			Direct: []string{"github.com/golang-jwt"}, Why: "what a GitHub App signs is made in pkg/forge/github"},
		{Rooms: []string{"api", "pkg", "cmd", "entrypoint"}, Except: []string{"pkg/schedule"},
			Direct: []string{"github.com/hashicorp/cronexpr"}, Why: "who reads cron expressions is pkg/schedule"},
		{Rooms: []string{"api", "pkg", "entrypoint"}, Except: []string{"pkg/metrics"},
			Direct: []string{"github.com/prometheus"}, Why: "Prometheus lives in pkg/metrics"},
		{Rooms: []string{"api", "pkg", "cmd", "entrypoint"}, Except: []string{"pkg/compile/scripts"},
			Direct: []string{"mvdan.cc/sh"}, Why: "who knows the shell's language is pkg/compile/scripts"},
		{Rooms: []string{"api"}, Direct: []string{"./pkg/controller", "./pkg/cli", "./pkg/kube", "./pkg/plan", "./pkg/compile", "./cmd"},
			Why: "arrows point down: the API knows none of its users"},
	}
	for _, f := range forges[:len(forges)-1] { // the last picks one
		walls = append(walls, Wall{Rooms: []string{f}, Direct: inModule(without(forges, f)), Why: "one kind of forge knows no other"})
	}
	for _, d := range drivers {
		walls = append(walls, Wall{Rooms: []string{d}, Direct: inModule(without(drivers, d)), Why: "drivers never import each other"})
	}
	for _, a := range adapters {
		others := without(adapters, a)
		if a == "pkg/resolve" || a == "pkg/sign" {
			others = without(others, "pkg/registry")
		}
		if a == "pkg/interceptor" {
			others = without(others, "pkg/forge") // whose signatures it checks
		}
		walls = append(walls,
			Wall{Rooms: []string{a}, Direct: inModule(others), Why: "siblings among adapters do not know each other"},
			Wall{Rooms: []string{a}, Direct: inModule(drivers), Why: "arrows point down: an adapter knows no driver"})
	}
	return walls
}

func without(rooms []string, room string) []string {
	return slices.DeleteFunc(slices.Clone(rooms), func(r string) bool { return r == room })
}

func inModule(rooms []string) []string {
	out := make([]string, len(rooms))
	for i, r := range rooms {
		out[i] = "./" + r
	}
	return out
}

// List loads the packages that the patterns name, with all their dependencies,
// through the go command run in dir.
func List(dir string, patterns ...string) ([]Package, error) {
	cmd := exec.Command("go", append([]string{"list", "-deps", "-json=ImportPath,Imports,Deps,Standard"}, patterns...)...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, stderr.String())
	}
	var pkgs []Package
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var p Package
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		pkgs = append(pkgs, p)
	}
}

// CheckWalls holds pkgs against walls. pkgs must hold the dependencies too, as
// List gives them.
func CheckWalls(pkgs []Package, walls []Wall) []Violation {
	standard := map[string]bool{}
	for _, p := range pkgs {
		standard[p.ImportPath] = p.Standard
	}
	var found []Violation
	for _, w := range walls {
		for _, p := range pkgs {
			if w.binds(p.ImportPath) {
				found = append(found, w.check(p, standard)...)
			}
		}
	}
	return found
}

func (w Wall) binds(path string) bool {
	room, ok := strings.CutPrefix(path, Module+"/")
	return ok && within(room, w.Rooms) && !within(room, w.Except)
}

func (w Wall) check(p Package, standard map[string]bool) []Violation {
	var found []Violation
	ban := func(deps []string, forbidden func(string) bool, how string) {
		for _, dep := range deps {
			if forbidden(dep) {
				found = append(found, Violation{p.ImportPath, how + " " + dep + ": " + w.Why})
			}
		}
	}
	ban(p.Imports, func(d string) bool { return w.hits(d, w.Direct) }, "imports")
	ban(p.Deps, func(d string) bool { return w.hits(d, w.Transitive) }, "links")
	if w.Only != nil {
		ban(p.Deps, func(d string) bool { return !standard[d] && !w.hits(d, w.Only) }, "links")
	}
	return found
}

func (w Wall) hits(dep string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if rel, ok := strings.CutPrefix(prefix, "./"); ok {
			prefix = Module + "/" + rel
		}
		if within(dep, []string{prefix}) {
			return true
		}
	}
	return false
}

func within(path string, rooms []string) bool {
	return slices.ContainsFunc(rooms, func(r string) bool {
		return path == r || strings.HasPrefix(path, r+"/")
	})
}
