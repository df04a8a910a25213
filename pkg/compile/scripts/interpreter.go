package scripts

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// interpreter is what reads a code.
type interpreter struct {
	name string
	// dialects are those of a shell, by which its code is read; more than one where it
	// is not known which program it is.
	dialects []syntax.LangVariant
	// mild says that words without quotes and brackets cannot call anything in it.
	mild bool
}

var plainShell = interpreter{"sh", []syntax.LangVariant{syntax.LangPOSIX, syntax.LangBash}, true}

// shells by the name of their program.
var shells = map[string]interpreter{
	"sh": plainShell, "dash": plainShell, "ash": plainShell,
	"bash": {"bash", []syntax.LangVariant{syntax.LangBash}, true},
	"ksh":  {"ksh", []syntax.LangVariant{syntax.LangMirBSDKorn, syntax.LangBash}, true},
	"mksh": {"mksh", []syntax.LangVariant{syntax.LangMirBSDKorn}, true},
	"zsh":  {"zsh", []syntax.LangVariant{syntax.LangZsh}, true},
}

// codeFlags are the flags before a code, by the name of the program, for those that
// are no shells. The programs of an empty list take it as their first argument.
var codeFlags = map[string][]string{
	"python": {"-c"}, "node": {"-e", "--eval", "-p", "--print"}, "deno": {"eval"}, "bun": {"-e", "--eval"},
	"perl": {"-e", "-E"}, "ruby": {"-e"}, "php": {"-r"}, "lua": {"-e"}, "pwsh": {"-c", "-Command", "-command"}, "fish": {"-c"},
	"awk": {}, "gawk": {}, "mawk": {}, "sed": {},
}

// mildLanguages need brackets to call anything.
var mildLanguages = []string{"python", "node", "deno", "bun", "awk", "gawk", "mawk", "sed"}

// nameOf is the name of a program: without its folder, and without the version at
// its end.
func nameOf(word string) string {
	return strings.TrimRight(path.Base(word), "0123456789.")
}

func interpreterOf(program string) interpreter {
	name := nameOf(program)
	if shell, ok := shells[name]; ok {
		return shell
	}
	return interpreter{name: name, mild: slices.Contains(mildLanguages, name)}
}

// program finds what a command runs behind env and busybox, and where.
func program(words []string) int {
	i := 0
	if i < len(words) && nameOf(words[i]) == "env" {
		for i++; i < len(words) && (strings.HasPrefix(words[i], "-") || strings.Contains(words[i], "=")); i++ {
		}
	}
	if i < len(words) && nameOf(words[i]) == "busybox" {
		i++
	}
	return i
}

// ofScript is what runs a script: what its first line says, or sh.
func ofScript(script string) interpreter {
	line, ok := strings.CutPrefix(script, "#!")
	if !ok {
		return plainShell
	}
	line, _, _ = strings.Cut(line, "\n")
	words := strings.Fields(line)
	// env -S has the rest of the line in one word, which Fields has split already.
	i := program(words)
	if i >= len(words) {
		return interpreter{name: strings.TrimSpace(line)}
	}
	return interpreterOf(words[i])
}

// codeIn finds the word of a command that a program reads as code.
func codeIn(words []string) (int, interpreter, bool) {
	at := program(words)
	if at >= len(words) {
		return 0, interpreter{}, false
	}
	name := nameOf(words[at])
	if shell, ok := shells[name]; ok {
		i, ok := shellCode(words, at+1)
		return i, shell, ok
	}
	if strings.HasPrefix(words[at], "-") {
		// The image says what runs; -c is what a shell takes code behind.
		i, ok := shellCode(words, at)
		return i, plainShell, ok
	}
	flags, ok := codeFlags[name]
	if !ok {
		return 0, interpreter{}, false
	}
	for i := at + 1; i < len(words); i++ {
		if len(flags) == 0 && !strings.HasPrefix(words[i], "-") || slices.Contains(flags, words[i-1]) {
			return i, interpreterOf(name), true
		}
	}
	return 0, interpreter{}, false
}

// shellCode finds the first word behind a shell's options, if -c is among them.
func shellCode(words []string, from int) (int, bool) {
	code := false
	for i := from; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "--":
			return i + 1, code && i+1 < len(words)
		case len(w) < 2 || w[0] != '-' && w[0] != '+':
			return i, code
		case takesWord(w):
			i++
		}
		code = code || w[0] == '-' && w[1] != '-' && strings.Contains(w, "c")
	}
	return 0, false
}

// takesWord reports an option of a shell that the next word belongs to.
func takesWord(option string) bool {
	if strings.HasPrefix(option, "--") {
		return option == "--rcfile" || option == "--init-file"
	}
	return strings.HasSuffix(option, "o") || strings.HasSuffix(option, "O")
}
