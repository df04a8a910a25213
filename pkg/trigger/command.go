package trigger

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
	// Commit is the one that is approved, in whole or by its first digits; it may be empty.
	Commit string
	// Params are those given as key=value.
	Params map[string]string
}

// Commands reads a comment: each line that starts with a command is one.
func Commands(body string) []Command { return nil }

// Skips says whether the message of a commit, or the title of a pull request, asks for no run.
func Skips(message string) bool { return false }
