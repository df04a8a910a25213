package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Step is all that the compiler tells the entrypoint about one step. A zero
// field is not written, and means what its comment says.
type Step struct {
	// Task names the task that the step belongs to: one Pod may run several.
	Task string `json:"task,omitempty"`
	// Name is the step's name, as messages show it.
	Name string `json:"name"`
	// Index counts the task's steps from 0.
	Index int `json:"index,omitempty"`

	// Wait lists the marks that must exist before the step starts, in any
	// order. None: it starts at once.
	Wait []Wait `json:"wait,omitempty"`
	// Needs are values of other tasks that must exist when all of Wait do, and Stop
	// marks of other tasks: one that says err and is older than the youngest mark of
	// Wait keeps the step from its start. In both cases it ends as if a step before it
	// had failed; but for want of a value of a task that was skipped it ends as cut.
	Needs []Ref    `json:"needs,omitempty"`
	Stop  []string `json:"stop,omitempty"`
	// Optional has the step end as cut for want of any value, and Lacks in any case.
	Optional bool `json:"optional,omitempty"`
	Lacks    bool `json:"lacks,omitempty"`
	// Hold lists the RunDirs of steps of the Pod whose containers should be up
	// before this one starts, so that they take over at once. It is not held for
	// one that takes long. None: it is not held.
	Hold []string `json:"hold,omitempty"`
	// RunDir is the step's own folder for marks; see [StepRunDir].
	RunDir string `json:"runDir"`
	// StepDir is the step's metadata folder; see the function of that name.
	StepDir string `json:"stepDir"`

	// ResultsDir holds the files of Results. Empty: the constant of that name.
	ResultsDir string `json:"resultsDir,omitempty"`
	// Results are those that the task declares. A step reports the ones that
	// it wrote; where several steps report one, the last of them holds.
	Results []Declared `json:"results,omitempty"`
	// StepResults are those that the step itself declares, in StepDir/results.
	StepResults []Declared `json:"stepResults,omitempty"`
	// Artifacts asks to report the provenance files of the step and the task.
	Artifacts bool `json:"artifacts,omitempty"`
	// TaskArtifacts is the latter. Empty: the constant of that name.
	TaskArtifacts string `json:"taskArtifacts,omitempty"`

	// Timeout bounds the run of the process. Zero: unbounded.
	Timeout Duration `json:"timeout,omitempty"`
	// Grace is what the process gets between TERM and KILL when it overran
	// Timeout. Zero: 10 seconds.
	Grace Duration `json:"grace,omitempty"`
	// ContinueOnError lets the next steps run though the process failed.
	ContinueOnError bool `json:"continueOnError,omitempty"`

	// BreakBefore halts the step when its turn has come, and BreakOnFailure when
	// its process has failed, until one of the debug programs is run.
	BreakBefore    bool `json:"breakBefore,omitempty"`
	BreakOnFailure bool `json:"breakOnFailure,omitempty"`
	// DebugDir holds those programs. Empty: the constant of that name.
	DebugDir string `json:"debugDir,omitempty"`

	// When and Guards must all hold, or the step is skipped. Refs are substituted first.
	When   []When  `json:"when,omitempty"`
	Guards []Guard `json:"guards,omitempty"`
	// TaskWhen and TaskGuards are those of the task: each of its steps has them, and
	// none runs unless all hold. They are asked before Needs is looked at.
	TaskWhen   []When  `json:"taskWhen,omitempty"`
	TaskGuards []Guard `json:"taskGuards,omitempty"`
	// Refs are values that earlier steps produce, to be put in the place of
	// their text in Command, When, Guards and the environment; in the script only
	// artifacts and results of other tasks.
	Refs []Ref `json:"refs,omitempty"`

	// WorkingDir is created when missing and entered, as the step's user; a
	// relative one is below [WorkspaceDir]. Empty: the container's own.
	WorkingDir string `json:"workingDir,omitempty"`
	// Stdout and Stderr are files that the stream is appended to besides the
	// log. The same file may serve both.
	Stdout string `json:"stdout,omitempty"`
	Stderr string `json:"stderr,omitempty"`
	// Credentials become files in [CredsDir] and in the user's home.
	Credentials []Credential `json:"credentials,omitempty"`
	// NoNetwork runs the process where there is no network but its own.
	NoNetwork bool `json:"noNetwork,omitempty"`
	// SecretEnv names environment variables, and SecretPaths files and folders,
	// that hold values of Secrets: they are masked in the log. None of both: the
	// process writes to the log itself.
	SecretEnv   []string `json:"secretEnv,omitempty"`
	SecretPaths []string `json:"secretPaths,omitempty"`
	// Unset names environment variables that the process must not see.
	Unset []string `json:"unset,omitempty"`

	// TerminationPath is the file for the message. Empty: [Termination].
	TerminationPath string `json:"terminationPath,omitempty"`
	// MessageLimit is what the kubelet keeps of the message, in bytes; see
	// [MessageLimit]. Zero: 4096.
	MessageLimit int `json:"messageLimit,omitempty"`

	// Script is run from a file, by the interpreter of its first line or by
	// /bin/sh with set -e; Command then holds its arguments. It arrives byte
	// for byte, but cannot hold a NUL.
	Script string `json:"-"`
	// ScriptsDir is the folder of that file. Empty: the constant of that name.
	ScriptsDir string `json:"scriptsDir,omitempty"`
	// Command is the command and its arguments. The kubelet expands $(VAR) and
	// $$ in it, as in any container.
	Command []string `json:"-"`
}

// Wait is a mark to wait for.
type Wait struct {
	// File is the mark's path: [MarkPath] of the other step's RunDir.
	File string `json:"file"`
	// Always starts the step even when the mark says that the other failed.
	Always bool `json:"always,omitempty"`
	// Begun is, with Always, the mark of the first step of the task that File is of: what
	// kept that from its start keeps this one too.
	Begun string `json:"begun,omitempty"`
}

// Declared is a result by name and type: string (also when empty), array, object.
type Declared struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty"`
}

// When guards a step. Operator is "in" or "notin".
type When struct {
	Input    string   `json:"input"`
	Operator string   `json:"operator"`
	Values   []string `json:"values"`
}

// Ref is a value that exists only once an earlier step has ended.
type Ref struct {
	// Text is what to replace, such as $(steps.a.results.b[0]). An argument or
	// a value of When that is the text of an All and nothing else is replaced
	// by one for each element.
	Text string `json:"text"`
	// File is the result file that holds the value, or the report of a step's
	// artifacts.
	File string `json:"file"`
	// Artifacts is inputs or outputs where File is a report: the value is the JSON of
	// where the artifact named Key is, or the first one without a Key.
	Artifacts string `json:"artifacts,omitempty"`
	// Task says that the value is a result of another task of the Pod.
	Task bool `json:"task,omitempty"`
	// At most one of these picks a part of a result. None: the content as it is.
	All   bool   `json:"all,omitempty"`
	Index *int   `json:"index,omitempty"`
	Key   string `json:"key,omitempty"`
}

// Credential is a Secret, mounted at [CredsSecretDir]/Secret, that is to be
// used for the given servers.
type Credential struct {
	// Kind is one of the Credential constants.
	Kind   string `json:"kind"`
	Secret string `json:"secret"`
	// URLs of servers; not used by docker-config and docker-cfg.
	URLs []string `json:"urls,omitempty"`
}

// The kinds of credentials: what the Secret's type and annotations say.
const (
	CredentialBasicGit     = "basic-git"     // kubernetes.io/basic-auth, tekton.dev/git-N
	CredentialSSHGit       = "ssh-git"       // kubernetes.io/ssh-auth, tekton.dev/git-N
	CredentialBasicDocker  = "basic-docker"  // kubernetes.io/basic-auth, tekton.dev/docker-N
	CredentialDockerConfig = "docker-config" // kubernetes.io/dockerconfigjson
	CredentialDockerCfg    = "docker-cfg"    // kubernetes.io/dockercfg
)

// Duration is written as Go and Kubernetes write it: 1h0m0s.
type Duration time.Duration

// MarshalText writes d as 1h0m0s.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

const (
	contractFlag = "-contract="
	stepFlag     = "-step="
	scriptFlag   = "-script="
	// scriptChunk keeps an argument below the 128 KiB that Linux allows for
	// one string.
	scriptChunk = 100 << 10
)

// Args returns the entrypoint's arguments as they stand in the Pod:
//
//	-contract=1 -step={JSON} [-script=CHUNK]… -- [COMMAND…]
//
// The kubelet will turn each $(VAR) that the container defines into its value
// and each $$ into $. What comes before the -- must not be touched by that, so
// every $ of it is doubled here; what comes after is the user's and is left alone.
func (s Step) Args() []string {
	spec, err := marshal(s)
	if err != nil {
		panic("contract: a step cannot be encoded: " + err.Error()) // strings, numbers and lists always can
	}
	args := []string{
		fmt.Sprint(contractFlag, Version),
		stepFlag + escape(string(spec)),
	}
	for rest := s.Script; rest != ""; {
		n := min(len(rest), scriptChunk)
		for n < len(rest) && n > scriptChunk-4 && rest[n]&0xC0 == 0x80 {
			n-- // never cut a character: the API server wants valid UTF-8 in each string
		}
		args = append(args, scriptFlag+escape(rest[:n]))
		rest = rest[n:]
	}
	return append(append(args, "--"), s.Command...)
}

func escape(s string) string { return strings.ReplaceAll(s, "$", "$$") }

// Parse reads arguments that [Step.Args] made and the kubelet expanded.
func Parse(args []string) (Step, error) {
	var s Step
	if len(args) == 0 || args[0] != fmt.Sprint(contractFlag, Version) {
		return s, fmt.Errorf("this entrypoint speaks contract %d, but its first argument is not %s%d: controller and entrypoint image must be of the same release", Version, contractFlag, Version)
	}
	var script strings.Builder
	seen := false
	for i, arg := range args[1:] {
		switch {
		case arg == "--":
			if !seen {
				return s, errors.New("argument " + stepFlag + " is missing")
			}
			s.Script = script.String()
			if rest := args[i+2:]; len(rest) > 0 {
				s.Command = rest
			}
			return s, nil
		case strings.HasPrefix(arg, stepFlag) && !seen:
			seen = true
			if err := decodeStrict([]byte(arg[len(stepFlag):]), &s); err != nil {
				return s, fmt.Errorf("argument %s: %w", stepFlag, err)
			}
		case strings.HasPrefix(arg, scriptFlag):
			script.WriteString(arg[len(scriptFlag):])
		default:
			return s, fmt.Errorf("argument %d, %.40q, is not one of contract %d", i+1, arg, Version)
		}
	}
	return s, errors.New(`the "--" before the command is missing`)
}

// decodeStrict refuses fields that it does not know: an instruction of the
// compiler that is silently dropped would be worse than a step that fails.
func decodeStrict(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("something follows the JSON object")
	}
	return nil
}
