// Package matrix unfolds the matrix of a pipeline task into the runs it stands for.
package matrix

import (
	"fmt"
	"maps"
	"slices"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// Cell is one cell of a matrix: the value of each of its params.
type Cell map[string]string

// Cells are the cells of a matrix, the first param changing fastest. An
// include changes the cells that it agrees with, and adds a cell where no
// other has any of its values. Without params each include is a cell.
func Cells(m *v1.Matrix) []Cell {
	if m == nil {
		return nil
	}
	cells := product(m.Params)
	for _, include := range m.Include {
		extra := Cell{}
		for _, p := range include.Params {
			extra[p.Name] = p.Value.StringVal
		}
		for _, c := range cells {
			if len(m.Params) > 0 && c.agrees(extra) {
				maps.Copy(c, extra)
			}
		}
		if len(m.Params) == 0 || !slices.ContainsFunc(cells, extra.shares) {
			cells = append(cells, extra)
		}
	}
	return cells
}

func product(params v1.Params) []Cell {
	if len(params) == 0 {
		return nil
	}
	cells := []Cell{{}}
	for _, p := range params {
		var next []Cell
		for _, value := range p.Value.ArrayVal {
			for _, c := range cells {
				c = maps.Clone(c)
				c[p.Name] = value
				next = append(next, c)
			}
		}
		cells = next
	}
	return cells
}

// shares reports whether a param has the same value in both.
func (c Cell) shares(other Cell) bool {
	for name, value := range c {
		if theirs, ok := other[name]; ok && theirs == value {
			return true
		}
	}
	return false
}

// agrees reports whether no param has another value in extra.
func (c Cell) agrees(extra Cell) bool {
	for name, value := range extra {
		if mine, ok := c[name]; ok && mine != value {
			return false
		}
	}
	return true
}

// Params lists the cell in the order of names.
func (c Cell) Params() v1.Params {
	var out v1.Params
	for _, name := range slices.Sorted(maps.Keys(c)) {
		out = append(out, v1.Param{Name: name, Value: *v1.NewString(c[name])})
	}
	return out
}

// Empty reports whether one of the matrix's arrays has no element.
func Empty(m *v1.Matrix) bool {
	return m != nil && slices.ContainsFunc(m.Params, func(p v1.Param) bool {
		return p.Value.Type == v1.ParamTypeArray && len(p.Value.ArrayVal) == 0
	})
}

// count is an upper bound of the cells, counted without making them.
func count(m *v1.Matrix) int {
	const enough = 1 << 20
	if m == nil {
		return 0
	}
	n := min(len(m.Params), 1)
	for _, p := range m.Params {
		n = min(n*max(len(p.Value.ArrayVal), 1), enough)
	}
	if len(m.Params) == 0 {
		return len(m.Include)
	}
	return n
}

// Check holds a matrix to the limit of the installation.
func Check(t *v1.PipelineTask, limit int) error {
	if limit == 0 {
		limit = 256
	}
	if n := count(t.Matrix); n > limit {
		return fmt.Errorf("task %q: matrix: %d combinations, and %d is the limit", t.Name, n, limit)
	}
	return nil
}
