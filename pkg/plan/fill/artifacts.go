package fill

import (
	"encoding/json"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
)

// ArtifactVars are what a task says it took and made, as JSON.
func ArtifactVars(vars *expr.Vars, prefix string, a *v1.Artifacts) {
	if a == nil {
		return
	}
	for section, list := range map[string][]v1.Artifact{"inputs": a.Inputs, "outputs": a.Outputs} {
		for i, artifact := range list {
			// Strings, maps of strings and lists of them always have a JSON.
			text, _ := json.Marshal(artifact.Values)
			vars.SetText(prefix+section+"."+artifact.Name, string(text))
			if i == 0 {
				vars.SetText(prefix+section, string(text))
			}
		}
	}
}

// LostArtifact is the first reference to an artifact of a task that is left when
// all that is known has been put in, or "".
func LostArtifact(parts ...any) string {
	for _, part := range parts {
		text, _ := json.Marshal(part) // what came as JSON goes as JSON
		for _, r := range expr.References(string(text)) {
			if p := r.Path; p[0] == "tasks" && len(p) > 2 && (p[2] == "inputs" || p[2] == "outputs") {
				return r.String()
			}
		}
	}
	return ""
}

// CustomValue reads the only shape a CustomRun's result can have, a string, as
// an array where it is the JSON of one.
func CustomValue(s string) v1.ParamValue {
	var items []string
	if json.Unmarshal([]byte(s), &items) == nil && len(items) > 0 {
		return *v1.NewArray(items...)
	}
	return *v1.NewString(s)
}
