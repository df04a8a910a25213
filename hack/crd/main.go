// Command crd finishes the CRDs that controller-gen wrote. It says what a
// duration and a quantity look like: one that the API server took and Go could not
// read would stop every list and watch of its kind. And it takes the
// descriptions out of Kubernetes' own types where they are embedded more than
// once. Without that the larger CRDs pass the 256 KiB that `kubectl apply` can
// keep in an annotation; the same text is at hand in `kubectl explain pod.spec`
// and in the CRD of Task.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// maxSize bounds a CRD as compact JSON, with room for what kustomize adds.
const maxSize = 252 << 10

// whole are the CRDs small enough to keep every description.
var whole = []string{"tekton.dev_tasks.yaml", "tekton.dev_stepactions.yaml"}

// core are the fields whose type is Kubernetes' own. Their own description is
// the project's and stays; those below go.
var core = []string{
	"affinity", "computeResources", "configMap", "csi", "dnsConfig", "emptyDir", "env", "envFrom", "hostAliases",
	"imagePullSecrets", "lifecycle", "livenessProbe", "persistentVolumeClaim", "ports", "projected", "readinessProbe",
	"secret", "securityContext", "startupProbe", "tolerations", "topologySpreadConstraints", "volumeDevices",
	"volumeMounts", "volumes", "running", "terminated", "waiting",
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: crd DIRECTORY")
		os.Exit(2)
	}
	files, err := filepath.Glob(filepath.Join(os.Args[1], "*_*.yaml"))
	for i := 0; err == nil && i < len(files); i++ {
		err = finish(files[i])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func finish(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var crd map[string]any
	if err := yaml.Unmarshal(data, &crd); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := older(crd); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	settle(crd)
	if !slices.Contains(whole, filepath.Base(file)) {
		strip(crd, false)
	}
	if data, err = yaml.Marshal(crd); err != nil {
		return err
	}
	compact, err := yaml.YAMLToJSON(data)
	if err != nil {
		return err
	}
	if len(compact) > maxSize {
		return fmt.Errorf("%s: %d bytes, of at most %d: kubectl apply could not keep it", file, len(compact), maxSize)
	}
	return os.WriteFile(file, append([]byte("---\n"), data...), 0o644)
}

// duration is what time.ParseDuration reads, and so few digits that it does not overflow.
const duration = `^-?(0|([0-9]{1,5}(\.[0-9]{1,9})?h|[0-9]{1,7}(\.[0-9]{1,9})?m|[0-9]{1,9}(\.[0-9]{1,9})?(s|ms|us|µs|ns)){1,6})$`

// looseExponent is a part of the pattern that Kubernetes' quantities come with;
// resource.Quantity reads whole exponents alone.
const looseExponent, exponent = `(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$`, `[0-9]{1,3}))?$`

// quantity is Kubernetes' pattern for quantities, so tightened.
const quantity = `^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?` + exponent

// claim is what the schema says of a volumeClaimTemplate, of which all else stays as it is written.
func claim() map[string]any {
	open := func(properties map[string]any) map[string]any {
		return map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": properties}
	}
	amounts := map[string]any{"type": "object", "additionalProperties": map[string]any{
		"anyOf": []any{map[string]any{"type": "integer"}, map[string]any{"type": "string"}}, "pattern": quantity, "x-kubernetes-int-or-string": true}}
	return map[string]any{"spec": open(map[string]any{"resources": open(map[string]any{"requests": amounts, "limits": amounts})})}
}

// settle gives every timeout and every quantity in the schema a pattern.
func settle(in any) {
	if list, ok := in.([]any); ok {
		for _, e := range list {
			settle(e)
		}
	}
	schema, _ := in.(map[string]any)
	if pattern, ok := schema["pattern"].(string); ok && schema["x-kubernetes-int-or-string"] == true {
		schema["pattern"] = strings.Replace(pattern, looseExponent, exponent, 1)
	}
	for key, v := range schema {
		if field, ok := v.(map[string]any); ok {
			settleField(key, field)
		}
		settle(v)
	}
}

func settleField(name string, field map[string]any) {
	parts, _ := field["properties"].(map[string]any)
	switch {
	case name == "timeout" && field["type"] == "string":
		field["pattern"] = duration
	case name == "timeouts":
		for _, part := range parts {
			part.(map[string]any)["pattern"] = duration
		}
	case name == "volumeClaimTemplate" && parts == nil:
		field["properties"] = claim()
	}
}

// strip drops descriptions from the schema and from what is in it; inside says
// whether the schema is below a field of Kubernetes' own.
func strip(schema map[string]any, inside bool) {
	if _, ok := schema["description"].(string); ok && inside {
		delete(schema, "description")
	}
	for key, v := range schema {
		properties, ok := v.(map[string]any)
		if !ok || key != "properties" {
			stripBelow(v, inside)
			continue
		}
		for name, p := range properties {
			field, ok := p.(map[string]any)
			if !ok {
				continue
			}
			text, described := field["description"]
			strip(field, inside || slices.Contains(core, name))
			if described && !inside {
				field["description"] = text
			}
		}
	}
}

func stripBelow(v any, inside bool) {
	switch v := v.(type) {
	case map[string]any:
		strip(v, inside)
	case []any:
		for _, e := range v {
			stripBelow(e, inside)
		}
	}
}
