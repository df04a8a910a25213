package repo

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
)

// asker asks on a terminal; anywhere else it names the flag that is missing.
type asker struct {
	env      *env.Env
	in       *bufio.Reader
	terminal *os.File
}

func newAsker(e *env.Env) *asker {
	a := &asker{env: e, in: bufio.NewReader(e.In)}
	if f, ok := e.In.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		a.terminal = f
	}
	return a
}

// orDefault is what was given, or the answer; an empty one is what is offered.
func (a *asker) orDefault(given, flag, question, offer string) (string, error) {
	if given != "" {
		return given, nil
	}
	if a.terminal == nil {
		return "", env.Usage("%s is missing", flag)
	}
	if offer != "" {
		question += " [" + offer + "]"
	}
	fmt.Fprintf(a.env.ErrOut, "%s: ", question)
	line, err := a.in.ReadString('\n')
	if err != nil {
		return "", err
	}
	if line = strings.TrimSpace(line); line == "" {
		line = offer
	}
	if line == "" {
		return "", env.Usage("%s is missing", flag)
	}
	return line, nil
}

// secret asks without showing the answer.
func (a *asker) secret(flag, question string) (string, error) {
	if a.terminal == nil {
		return "", env.Usage("%s is missing", flag)
	}
	fmt.Fprintf(a.env.ErrOut, "%s: ", question)
	line, err := term.ReadPassword(int(a.terminal.Fd()))
	fmt.Fprintln(a.env.ErrOut)
	if err == nil && len(line) == 0 {
		err = env.Usage("%s is missing", flag)
	}
	return strings.TrimSpace(string(line)), err
}
