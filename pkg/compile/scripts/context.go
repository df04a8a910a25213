package scripts

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// form is how a variable of the environment stands in the place of a word.
type form int

const (
	// bare is in double quotes, in a here-document or in a comment.
	bare form = iota
	// quoted is where nothing quotes: its quotes keep the value one word.
	quoted
	// reopened is in single quotes, and inANSI in those of $'…': they end, and begin again.
	reopened
	inANSI
)

func (f form) text(name string) string {
	ref := "${" + name + "}"
	switch f {
	case quoted:
		return `"` + ref + `"`
	case reopened:
		return `'"` + ref + `"'`
	case inANSI:
		return `'"` + ref + `"$'`
	}
	return ref
}

// place is where a placeholder stands: how a variable stands there, or why none may.
type place struct {
	form form
	err  error
}

// places finds where the placeholders of a script stand, by all dialects that it may
// be read in. The error is that it cannot be read, or not in one way.
func places(script string, marks []string, dialects []syntax.LangVariant) (map[string]place, error) {
	var found map[string]place
	var failed error
	for _, d := range dialects {
		here, err := placesIn(script, marks, d)
		if err != nil {
			failed = err
			continue
		}
		for m, p := range found {
			if here[m].form != p.form {
				return nil, errors.New("shells do not agree on the quotes around it")
			}
			if here[m].err == nil {
				here[m] = p
			}
		}
		found = here
	}
	if found == nil {
		return nil, fmt.Errorf("it cannot be read as shell code: %w", failed)
	}
	return found, nil
}

func placesIn(script string, marks []string, dialect syntax.LangVariant) (map[string]place, error) {
	file, err := syntax.NewParser(syntax.KeepComments(true), syntax.Variant(dialect)).Parse(strings.NewReader(script), "")
	if err != nil {
		return nil, err
	}
	found := map[string]place{}
	var stack []syntax.Node
	syntax.Walk(file, func(n syntax.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		stack = append(stack, n)
		switch n.(type) {
		case *syntax.Lit, *syntax.SglQuoted, *syntax.Comment:
			text := script[n.Pos().Offset():n.End().Offset()]
			for _, m := range marks {
				if at := strings.Index(text, m); at >= 0 {
					found[m] = placeOf(stack, text[:at])
				}
			}
		}
		return true
	})
	for _, m := range marks {
		if _, ok := found[m]; !ok {
			found[m] = place{err: errors.New("it stands where no variable can")}
		}
	}
	return found, nil
}

// placeOf judges the last node of the stack, with the text before the placeholder.
func placeOf(stack []syntax.Node, before string) place {
	leaf := stack[len(stack)-1]
	if _, ok := leaf.(*syntax.Comment); ok {
		if strings.HasPrefix(before, "#!") {
			return place{err: errors.New("it stands in the line that says what runs the script")}
		}
		return place{form: bare}
	}
	f, err := quotesOf(stack, before)
	for i := len(stack) - 2; i >= 0 && err == nil; i-- {
		err = refused(stack[i], stack[i+1:])
	}
	return place{f, err}
}

// quotesOf is the form for what is quoted as the leaf is.
func quotesOf(stack []syntax.Node, before string) (form, error) {
	leaf, parent := stack[len(stack)-1], stack[max(len(stack)-2, 0)]
	if q, ok := leaf.(*syntax.SglQuoted); ok {
		if q.Dollar && strings.HasSuffix(before, `\`) {
			return inANSI, errors.New("a backslash stands before it")
		}
		if q.Dollar {
			return inANSI, nil
		}
		return reopened, nil
	}
	if strings.HasSuffix(before, `\`) {
		return bare, errors.New("a backslash stands before it")
	}
	switch parent := parent.(type) {
	case *syntax.DblQuoted:
		return bare, nil
	case *syntax.Word:
		if redirect, ok := stack[max(len(stack)-3, 0)].(*syntax.Redirect); ok && redirect.Hdoc != nil {
			if parent != redirect.Hdoc || !isPlainWord(redirect.Word) {
				return bare, errors.New("it stands in a here-document that takes no variables: remove the quotes around its end mark")
			}
			return bare, nil
		}
		return quoted, nil
	}
	return bare, errors.New("it stands in a name")
}

// isPlainWord reports whether nothing in a word is quoted.
func isPlainWord(w *syntax.Word) bool { return !strings.Contains(w.Lit(), `\`) && w.Lit() != "" }

var errArithmetic = errors.New("it stands in arithmetic, which runs commands that stand in a value")

// refused says why a value may not stand in a node; below are the nodes on the way
// to it.
func refused(n syntax.Node, below []syntax.Node) error {
	switch n := n.(type) {
	case *syntax.ArithmExp, *syntax.ArithmCmd, *syntax.LetClause, *syntax.CStyleLoop,
		*syntax.BinaryArithm, *syntax.UnaryArithm, *syntax.ParenArithm, *syntax.FlagsArithm:
		return errArithmetic
	case *syntax.ParamExp, *syntax.ExtGlob:
		return errors.New("it stands within an expansion or a pattern")
	case *syntax.Assign, *syntax.ArrayElem, *syntax.DeclClause:
		return inVariable(n, below[0])
	case *syntax.BinaryTest, *syntax.UnaryTest:
		return inTest(n)
	}
	return inCommand(n, below[0])
}

// inTest refuses what evaluates its operands.
func inTest(n syntax.Node) error {
	switch n := n.(type) {
	case *syntax.BinaryTest:
		if slices.Contains([]syntax.BinTestOperator{syntax.TsEql, syntax.TsNeq, syntax.TsLeq, syntax.TsGeq, syntax.TsLss, syntax.TsGtr}, n.Op) {
			return errArithmetic
		}
	case *syntax.UnaryTest:
		if n.Op == syntax.TsVarSet || n.Op == syntax.TsRefVar || n.Op == syntax.TsOptSet {
			return errName
		}
	}
	return nil
}

// inCommand refuses what commands run.
func inCommand(n, child syntax.Node) error {
	switch n := n.(type) {
	case *syntax.CmdSubst:
		if n.Backquotes {
			return errors.New("it stands in backquotes: write $(…)")
		}
	case *syntax.CallExpr:
		return inCall(n, child)
	case *syntax.Stmt:
		if _, ok := child.(*syntax.Redirect); ok {
			return readsCode(n)
		}
	case *syntax.BinaryCmd:
		if n.Op == syntax.Pipe || n.Op == syntax.PipeAll {
			return readsCode(n)
		}
	}
	return nil
}

var errName = errors.New("it stands in the place of a variable's name")

// inVariable refuses names and indexes, and values of integers and of references.
func inVariable(n, child syntax.Node) error {
	switch n := n.(type) {
	case *syntax.Assign:
		return inAssign(n, child)
	case *syntax.ArrayElem:
		if n.Index != nil && child == syntax.Node(n.Index) {
			return errArithmetic
		}
	case *syntax.DeclClause:
		return inDeclaration(n)
	}
	return nil
}

func inAssign(a *syntax.Assign, child syntax.Node) error {
	switch {
	case a.Index != nil && child == syntax.Node(a.Index):
		return errArithmetic
	case a.Name == nil || a.Naked || child == syntax.Node(a.Name):
		return errName
	}
	return nil
}

// inDeclaration refuses values of integers and of references to variables.
func inDeclaration(d *syntax.DeclClause) error {
	for _, a := range d.Args {
		if a.Naked && a.Value != nil {
			if flags := a.Value.Lit(); strings.HasPrefix(flags, "-") && strings.ContainsAny(flags, "in") {
				return errArithmetic
			}
		}
	}
	return nil
}

// takesCode are commands that run what they are given or read, beside the shells
// and the programs of codeFlags.
var takesCode = []string{"eval", "source", ".", "trap", "alias", "ssh", "su", "xargs", "parallel", "at", "batch", "watch", "script", "csh", "tcsh", "expect", "tclsh", "psql", "sqlite", "mysql",
	"make", "gmake", "ansible", "ansible-playbook", "ed", "ex", "vi", "vim", "dc", "m4", "crontab"}

// takesNames are commands that take names of variables, in which some shells
// evaluate what stands in brackets.
var takesNames = []string{"read", "unset", "mapfile", "readarray", "getopts", "let", "typeset", "declare", "local", "readonly", "wait"}

// inCall says why a value may not stand among the words of a command.
func inCall(c *syntax.CallExpr, child syntax.Node) error {
	if _, ok := child.(*syntax.Assign); ok || len(c.Args) == 0 {
		return nil
	}
	if child == syntax.Node(c.Args[0]) {
		return errors.New("it stands in the place of a command")
	}
	if err := callTakesCode(c); err != nil {
		return err
	}
	name := literal(c.Args[0])
	for _, w := range c.Args[1:] {
		option := literal(w)
		switch {
		case slices.Contains(takesNames, name), name == "printf" && option == "-v":
			return fmt.Errorf("it is an argument of %s, which takes names of variables", name)
		case (name == "[" || name == "test") && slices.Contains([]string{"-v", "-R", "-eq", "-ne", "-lt", "-le", "-gt", "-ge"}, option):
			return errArithmetic
		}
	}
	return nil
}

// wrappers are commands that run the one that they are given.
var wrappers = []string{"sudo", "doas", "env", "exec", "command", "builtin", "nohup", "time", "nice", "timeout", "setsid", "unshare", "chroot"}

// callTakesCode reports a command that is, or runs, one that takes code.
func callTakesCode(c *syntax.CallExpr) error {
	if len(c.Args) == 0 {
		return nil
	}
	first := literal(c.Args[0])
	for i, w := range c.Args {
		word := literal(w)
		name := nameOf(word)
		_, shell := shells[name]
		_, other := codeFlags[name]
		direct := i == 0 || slices.Contains(wrappers, nameOf(first))
		if shell || other || direct && (slices.Contains(takesCode, word) || slices.Contains(takesCode, name)) ||
			first == "" && strings.HasPrefix(word, "-") && strings.HasSuffix(word, "c") {
			return fmt.Errorf("it goes to %s, which may run it", word)
		}
	}
	return nil
}

// readsCode reports a command anywhere in a node that takes code: what stands in
// a here-document or goes through a pipe could be it.
func readsCode(n syntax.Node) error {
	var found error
	syntax.Walk(n, func(n syntax.Node) bool {
		if c, ok := n.(*syntax.CallExpr); ok && found == nil {
			found = callTakesCode(c)
		}
		return found == nil
	})
	return found
}

// literal is the text of a word without its quotes, if it is known before it runs.
func literal(w *syntax.Word) string {
	var b strings.Builder
	for _, part := range w.Parts {
		switch p := part.(type) {
		case *syntax.Lit:
			b.WriteString(strings.ReplaceAll(p.Value, `\`, ""))
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			inner := literal(&syntax.Word{Parts: p.Parts})
			if inner == "" && len(p.Parts) > 0 {
				return ""
			}
			b.WriteString(inner)
		default:
			return ""
		}
	}
	return b.String()
}
