package dag

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

func edges(pairs ...string) []Edge {
	var out []Edge
	for _, p := range pairs {
		out = append(out, Edge{p[:1], p[1:]})
	}
	return out
}

func TestBuildRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		nodes []string
		edges []Edge
		want  string
	}{
		"a cycle of two":               {[]string{"a", "b"}, edges("ab", "ba"), "dependency cycle a → b → a"},
		"a node that waits for itself": {[]string{"a"}, edges("aa"), "dependency cycle a → a"},
		"only the cycle is named":      {[]string{"x", "a", "b", "c", "y"}, edges("xa", "ab", "bc", "ca", "cy"), "dependency cycle a → b → c → a"},
		"an edge from nowhere":         {[]string{"a"}, edges("ba"), `"a" depends on "b": no node named "b"`},
		"an edge to nowhere":           {[]string{"a"}, edges("ab"), `"b" depends on "a": no node named "b"`},
		"a repeated node":              {[]string{"a", "a"}, nil, `two nodes are named "a"`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Build(tc.nodes, tc.edges); err == nil || err.Error() != tc.want {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
	_, err := Build([]string{"a"}, edges("aa"))
	if cycle := new(CycleError); !errors.As(err, &cycle) || !slices.Equal(cycle.Path, []string{"a", "a"}) {
		t.Errorf("%v is no cycle error with its path", err)
	}
}

func TestOrderAndReady(t *testing.T) {
	g, err := Build([]string{"d", "c", "b", "a", "e"}, edges("ab", "ac", "bd", "cd", "cd"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := g.Order(), []string{"a", "b", "c", "d", "e"}; !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
	if got, want := g.Parents("d"), []string{"b", "c"}; !slices.Equal(got, want) {
		t.Errorf("parents %v, want %v", got, want)
	}
	if got, want := g.Children("a"), []string{"b", "c"}; !slices.Equal(got, want) {
		t.Errorf("children %v, want %v", got, want)
	}
	for done, want := range map[string][]string{
		"":      {"a", "e"},
		"a":     {"c", "b", "e"},
		"abe":   {"c"},
		"abc":   {"d", "e"},
		"abcde": nil,
	} {
		got := g.Ready(func(n string) bool { return slices.Contains([]byte(done), n[0]) })
		if !slices.Equal(got, want) {
			t.Errorf("with %q done: %v is ready, want %v", done, got, want)
		}
	}
	if g.Has("z") || !g.Has("a") {
		t.Error("Has lies")
	}
}

// A pipeline as large as anyone has must not be felt in a reconcile.
func TestBuildIsFast(t *testing.T) {
	var nodes []string
	for i := range 200 {
		nodes = append(nodes, fmt.Sprintf("task-%03d", i))
	}
	var all []Edge
	for i := range 200 {
		for j := 1; j <= 25 && i+j < 200; j++ {
			all = append(all, Edge{nodes[i], nodes[i+j]})
		}
	}
	start := time.Now()
	for range 10 {
		g, err := Build(nodes, all)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(g.Order(), nodes) {
			t.Fatal("a chain has one order")
		}
	}
	if d := time.Since(start) / 10; d > 100*time.Millisecond {
		t.Errorf("%d edges took %v", len(all), d)
	}
}

func BenchmarkBuild(b *testing.B) {
	var nodes []string
	var all []Edge
	for i := range 200 {
		nodes = append(nodes, fmt.Sprint(i))
		for j := range min(i, 25) {
			all = append(all, Edge{nodes[i-1-j], nodes[i]})
		}
	}
	for b.Loop() {
		if _, err := Build(nodes, all); err != nil {
			b.Fatal(err)
		}
	}
}
