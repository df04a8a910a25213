package describe

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/pkg/cli/internal/style"
)

// node is one line of the tree.
type node struct {
	state    style.State
	bare     bool // a heading: no state of its own
	name     string
	took     string
	note     string
	children []node
}

// tree draws the nodes below a heading, names and times in columns.
func (p *page) tree(title string, nodes []node) {
	if len(nodes) == 0 {
		return
	}
	fmt.Fprintf(&p.text, "\n%s\n", p.style.Bold(title))
	p.branches(nodes, "  ", width(nodes, 0))
}

// width is how far the longest name reaches, with what leads to it.
func width(nodes []node, depth int) (w int) {
	for _, n := range nodes {
		w = max(w, 3*depth+utf8.RuneCountInString(n.name), width(n.children, depth+1))
	}
	return w
}

func (p *page) branches(nodes []node, indent string, width int) {
	for i, n := range nodes {
		lead, below := p.style.Branch(i == len(nodes)-1)
		symbol := p.style.Symbol(n.state) + " "
		if n.bare {
			symbol = ""
		}
		line := indent + lead + symbol + n.name
		if n.took != "" || n.note != "" {
			pad := strings.Repeat(" ", max(0, width-utf8.RuneCountInString(n.name)))
			line += pad + fmt.Sprintf("  %-6s  %s", n.took, n.note)
		}
		fmt.Fprintln(&p.text, strings.TrimRight(line, " "))
		p.branches(n.children, indent+below, width-3)
	}
}
