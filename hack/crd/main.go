// Command crd finishes the CRDs that controller-gen wrote. It says what the API
// server is to refuse because Go could not read it (see settle.go). And it takes the
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
	"secret", "securityContext", "startupProbe", "tolerations", "topologySpreadConstraints", "volumeClaimTemplate", "volumeDevices",
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
	for _, root := range schemas(crd) {
		settle(root)
	}
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

// schemas returns the schema of each version's spec and status.
func schemas(crd map[string]any) (roots []map[string]any) {
	spec, _ := crd["spec"].(map[string]any)
	versions, _ := spec["versions"].([]any)
	for _, v := range versions {
		schema, _ := v.(map[string]any)["schema"].(map[string]any)
		root, _ := schema["openAPIV3Schema"].(map[string]any)
		properties, _ := root["properties"].(map[string]any)
		for _, name := range []string{"spec", "status"} {
			if part, ok := properties[name].(map[string]any); ok {
				roots = append(roots, part)
			}
		}
	}
	return roots
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
