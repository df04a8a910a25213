package trigger

import (
	"regexp"
	"strings"
)

// Verb is what a command asks for.
type Verb string

// The commands.
const (
	// Test starts what matches the pull request, or the one pipeline that it names.
	Test Verb = "test"
	// Retest starts what did not succeed.
	Retest Verb = "retest"
	// Cancel ends what runs.
	Cancel Verb = "cancel"
	// OKToTest approves the pull request of somebody who is not trusted.
	OKToTest Verb = "ok-to-test"
)

// Command is a line of a comment that asks for something.
type Command struct {
	Verb Verb
	// Pipeline is the one it names; empty for all.
	Pipeline string
	// Ref is the branch or tag that branch:x or tag:x names, in full; it may be empty.
	Ref string
	// Commit is the one that is approved, in whole or by its first digits; it may be empty.
	Commit string
	// Params are those given as key=value.
	Params map[string]string
}

var (
	commandLine = regexp.MustCompile(`(?m)^[ \t]*/(test|retest|cancel|ok-to-test)(?:[ \t\r]+(.*))?$`)
	// A value may stand in quotes, and then go on over lines.
	commandParam = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_.-]*)=("(?:[^"\\]|\\.)*"|[^\s"]*)`)
	commitPrefix = regexp.MustCompile(`^[0-9a-fA-F]{7,64}$`)
	skipMark     = regexp.MustCompile(`(?i)\[(skip ci|ci skip|skip tkn|tkn skip)\]`)
)

// Mark starts each comment that is not a person's.
const Mark = "<!-- slipway:"

// IsOwn says whether a comment is one of Slipway's own. It may hold the end of a log, and
// what a run prints there is a command of nobody, though whoever owns the forge's token
// may push.
func IsOwn(body string) bool { return strings.HasPrefix(strings.TrimSpace(body), Mark) }

// maxCommands bounds what one comment asks for.
const maxCommands = 20

// Commands reads a comment: each line that starts with a command is one. Params may
// stand in its line or, when no other command follows, below.
func Commands(body string) []Command {
	var commands []Command
	found := commandLine.FindAllStringSubmatchIndex(body, maxCommands)
	for i, at := range found {
		end := len(body)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		c := Command{Verb: Verb(body[at[2]:at[3]])}
		text := body[at[3]:end]
		for _, p := range commandParam.FindAllStringSubmatch(text, -1) {
			if c.Params == nil {
				c.Params = map[string]string{}
			}
			c.Params[p[1]] = unquote(p[2])
		}
		if at[4] >= 0 {
			c.words(commandParam.ReplaceAllString(body[at[4]:at[5]], ""))
		}
		commands = append(commands, c)
	}
	return commands
}

// words reads what stands behind the verb: the first is the name or the commit.
func (c *Command) words(line string) {
	for _, word := range strings.Fields(line) {
		branch, isBranch := strings.CutPrefix(word, "branch:")
		tag, isTag := strings.CutPrefix(word, "tag:")
		switch {
		case isBranch:
			c.Ref = headsPrefix + branch
		case isTag:
			c.Ref = tagsPrefix + tag
		case c.Verb == OKToTest && c.Commit == "" && commitPrefix.MatchString(word):
			c.Commit = strings.ToLower(word)
		case c.Verb != OKToTest && c.Pipeline == "":
			c.Pipeline = word
		}
	}
}

func unquote(s string) string {
	inner, ok := strings.CutPrefix(s, `"`)
	if !ok {
		return s
	}
	inner = strings.TrimSuffix(inner, `"`)
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(inner)
}

// Skips says whether the message of a commit, or the title of a pull request, asks
// for no run.
func Skips(message string) bool { return skipMark.MatchString(message) }
