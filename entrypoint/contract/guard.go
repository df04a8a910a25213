package contract

// Guard is an expression in CEL as a tree, because a parser of CEL is larger than
// the entrypoint may be. The names of functions are those of the CEL definition
// (https://github.com/google/cel-spec): _==_, _&&_, size; the value that a
// method is called on is its first argument.
type Guard struct {
	// Op is a function or one of the constants Guard….
	Op string `json:"op"`
	// Text is what Op says of it, and empty for a function.
	Text string  `json:"text,omitempty"`
	Args []Guard `json:"args,omitempty"`
}

// What a node is besides a call of a function.
const (
	GuardBool   = "bool-literal"   // Text is true or false
	GuardInt    = "int-literal"    // Text is decimal
	GuardDouble = "double-literal" // Text as strconv writes it
	GuardText   = "text-literal"   // Text with refs, which are put in as they are
	GuardRef    = "ref"            // Text is one ref that stands outside of quotes: its value is a literal
	GuardList   = "list"           // of Args
	GuardVar    = "var"            // Text is the name that a fold gave
	// GuardFold is what exists, all, map and filter mean: over the list Args[0],
	// starting with Args[1], while Args[2] holds, by Args[3]; its value is Args[4]. Text
	// is the name of an element, a space, and the name of what is folded so far.
	GuardFold = "fold"
)

// GuardFunctions are those that the entrypoint knows. Regular expressions are not
// among them, whose package is a tenth of the entrypoint.
var GuardFunctions = []string{
	"_&&_", "_||_", "!_", "_?_:_", "@not_strictly_false",
	"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in",
	"_+_", "_-_", "_*_", "_/_", "_%_", "-_", "_[_]",
	"size", "contains", "startsWith", "endsWith",
	"int", "double", "string", "bool", "dyn",
}
