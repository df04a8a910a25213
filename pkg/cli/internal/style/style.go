// Package style draws states for a terminal, or plainly for anything else.
package style

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Style says what the reader at the other end can show.
type Style struct {
	Color, Unicode bool
}

// Detect looks at w: colours and symbols go to a terminal only. NO_COLOR and TERM=dumb forbid colours, a locale that is
// not UTF-8 forbids symbols.
func Detect(w io.Writer, getenv func(string) string) Style {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return Style{}
	}
	return Style{
		Color:   getenv("NO_COLOR") == "" && getenv("TERM") != "dumb",
		Unicode: utf8Locale(getenv),
	}
}

func utf8Locale(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := getenv(name); v != "" {
			v = strings.ToUpper(strings.ReplaceAll(v, "-", ""))
			return strings.Contains(v, "UTF8")
		}
	}
	return false
}

// State is where a run, task or step stands.
type State int

// The states, from not begun to over.
const (
	Pending State = iota
	Running
	Succeeded
	Failed
	Cancelled
	Skipped
)

var looks = map[State]struct{ unicode, ascii, sgr string }{
	Pending:   {"·", ".", "2"},
	Running:   {"●", ">", "36"},
	Succeeded: {"✓", "+", "32"},
	Failed:    {"✗", "x", "31"},
	Cancelled: {"⊘", "!", "33"},
	Skipped:   {"○", "-", "2"},
}

// Symbol is one character for a state.
func (s Style) Symbol(st State) string {
	look := looks[st]
	if s.Unicode {
		return s.paint(look.sgr, look.unicode)
	}
	return s.paint(look.sgr, look.ascii)
}

// Paint gives text the colour of a state.
func (s Style) Paint(st State, text string) string { return s.paint(looks[st].sgr, text) }

// Bold makes text stand out.
func (s Style) Bold(text string) string { return s.paint("1", text) }

// Faint makes text stand back.
func (s Style) Faint(text string) string { return s.paint("2", text) }

func (s Style) paint(sgr, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return "\x1b[" + sgr + "m" + text + "\x1b[0m"
}

// Branch returns the lines that lead to one child of a tree's node, and those before the child's own children.
func (s Style) Branch(last bool) (lead, below string) {
	switch {
	case s.Unicode && last:
		return "└─ ", "   "
	case s.Unicode:
		return "├─ ", "│  "
	case last:
		return "`- ", "   "
	default:
		return "|- ", "|  "
	}
}
