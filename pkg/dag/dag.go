// Package dag is a directed graph without cycles: what must end before what
// may start.
package dag

import (
	"fmt"
	"slices"
	"strings"
)

// Edge says that To depends on From: From ends before To starts.
type Edge struct{ From, To string }

// Graph is built by Build and does not change.
type Graph struct {
	nodes             []string
	parents, children map[string][]string
}

// CycleError is a chain of nodes each of which waits for the one before it; the
// first and the last are the same.
type CycleError struct{ Path []string }

func (e *CycleError) Error() string { return "dependency cycle " + strings.Join(e.Path, " → ") }

// UnknownNodeError is an edge from or to a node that does not exist.
type UnknownNodeError struct {
	Edge Edge
	// Name is the end of the edge that is not a node.
	Name string
}

func (e *UnknownNodeError) Error() string {
	return fmt.Sprintf("%q depends on %q: no node named %q", e.Edge.To, e.Edge.From, e.Name)
}

// Build makes a graph, in time linear in nodes and edges. A repeated edge
// counts once. It returns a *CycleError, an *UnknownNodeError, or an error for a repeated node.
func Build(nodes []string, edges []Edge) (*Graph, error) {
	g := &Graph{
		nodes:    slices.Clone(nodes),
		parents:  make(map[string][]string, len(nodes)),
		children: make(map[string][]string, len(nodes)),
	}
	for _, n := range nodes {
		if _, ok := g.parents[n]; ok {
			return nil, fmt.Errorf("two nodes are named %q", n)
		}
		g.parents[n] = nil
	}
	seen := make(map[Edge]bool, len(edges))
	for _, e := range edges {
		if seen[e] {
			continue
		}
		seen[e] = true
		for _, end := range []string{e.From, e.To} {
			if _, ok := g.parents[end]; !ok {
				return nil, &UnknownNodeError{e, end}
			}
		}
		g.parents[e.To] = append(g.parents[e.To], e.From)
		g.children[e.From] = append(g.children[e.From], e.To)
	}
	if path := g.cycle(); path != nil {
		return nil, &CycleError{path}
	}
	return g, nil
}

// Nodes returns the nodes in the order they were given in.
func (g *Graph) Nodes() []string { return slices.Clone(g.nodes) }

// Has reports whether name is a node.
func (g *Graph) Has(name string) bool {
	_, ok := g.parents[name]
	return ok
}

// Parents returns the nodes that name waits for, in the order of their edges.
func (g *Graph) Parents(name string) []string { return g.parents[name] }

// Children returns the nodes that wait for name, in the order of their edges.
func (g *Graph) Children(name string) []string { return g.children[name] }

// Order returns the nodes so that each comes after all it waits for; nodes that
// do not bind each other keep the order they were given in.
func (g *Graph) Order() []string {
	order := make([]string, 0, len(g.nodes))
	placed := make(map[string]bool, len(g.nodes))
	var place func(string)
	place = func(n string) {
		if placed[n] {
			return
		}
		placed[n] = true
		for _, p := range g.parents[n] {
			place(p)
		}
		order = append(order, n)
	}
	for _, n := range g.nodes {
		place(n)
	}
	return order
}

// Ready returns the nodes that are not done and whose parents all are, in the
// order the nodes were given in.
func (g *Graph) Ready(done func(string) bool) []string {
	var ready []string
	for _, n := range g.nodes {
		if !done(n) && !slices.ContainsFunc(g.parents[n], func(p string) bool { return !done(p) }) {
			ready = append(ready, n)
		}
	}
	return ready
}

// cycle returns a path along children that ends where it began, or nil. It
// starts at the first node, in the given order, that leads into one.
func (g *Graph) cycle() []string {
	const open, closed = 1, 2
	state := make(map[string]int, len(g.nodes))
	var path []string
	var walk func(string) []string
	walk = func(n string) []string {
		state[n] = open
		path = append(path, n)
		for _, c := range g.children[n] {
			switch state[c] {
			case open:
				return append(slices.Clone(path[slices.Index(path, c):]), c)
			case closed:
				continue
			}
			if found := walk(c); found != nil {
				return found
			}
		}
		path = path[:len(path)-1]
		state[n] = closed
		return nil
	}
	for _, n := range g.nodes {
		if state[n] == 0 {
			if found := walk(n); found != nil {
				return found
			}
		}
	}
	return nil
}
