package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"
)

// The API server refuses a CRD whose schema is not structural, or whose CEL rules
// do not compile or could cost too much; here that shows without one.
func TestCRDsAreAccepted(t *testing.T) {
	files, err := filepath.Glob("../../config/crd/*_*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no CRDs: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			crd := load(t, file)
			for _, err := range validation.ValidateCustomResourceDefinition(t.Context(), crd) {
				// The API server fills status in.
				if !strings.HasPrefix(err.Field, "status.") {
					t.Error(err)
				}
			}
		})
	}
}

// What the pattern lets through, Go must be able to read, to the longest of it.
func TestDurationsCanBeRead(t *testing.T) {
	pattern := regexp.MustCompile(duration)
	for _, value := range []string{"0", "0s", "90s", "-5m", "1h30m", "1.5h", "100ms", "5µs", "72h0m0s", strings.Repeat("99999.999999999h", 6),
		strings.Repeat("9999999.999999999m", 6), strings.Repeat("999999999s", 6)} {
		if _, err := time.ParseDuration(value); err != nil || !pattern.MatchString(value) {
			t.Errorf("%s: matches: %t, %v", value, pattern.MatchString(value), err)
		}
	}
	for _, value := range []string{"", "soon", "10", "1d", "5 m", "1h ", "9999999h", ".", "-", "1.h"} {
		if pattern.MatchString(value) {
			t.Errorf("%s is taken", value)
		}
	}
}

// And so it is with times: no day that there is may be refused.
func TestTimesCanBeRead(t *testing.T) {
	pattern := regexp.MustCompile(timestamp)
	for day := time.Date(1999, 1, 1, 23, 59, 59, 0, time.UTC); day.Year() < 2101; day = day.AddDate(0, 0, 1) {
		if text := day.Format(time.RFC3339); !pattern.MatchString(text) {
			t.Fatalf("%s is refused", text)
		}
	}
	for _, value := range []string{"2000-02-29T00:00:00.5+02:00", "2024-02-29T00:00:00-11:30", "2026-01-01T00:00:00.123456789Z"} {
		if _, err := time.Parse(time.RFC3339, value); err != nil || !pattern.MatchString(value) {
			t.Errorf("%s: matches: %t, %v", value, pattern.MatchString(value), err)
		}
	}
	for _, value := range []string{"", "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2023-04-31T00:00:00Z", "2023-01-01", "2023-01-01T24:00:00Z", "2023-01-01T00:00:00"} {
		if pattern.MatchString(value) {
			t.Errorf("%s is taken", value)
		}
	}
}

// So it is with quantities, by the schema as it is.
func TestQuantitiesCanBeRead(t *testing.T) {
	step := schemaOf(t, "tasks", "steps")
	workspace := schemaOf(t, "taskruns", "workspaces")
	for name, schema := range map[string]apiextensions.JSONSchemaProps{
		"a step's resources":       step.Properties["computeResources"],
		"a workspace's own volume": workspace.Properties["volumeClaimTemplate"].Properties["spec"].Properties["resources"],
	} {
		t.Run(name, func(t *testing.T) {
			checkQuantities(t, schema.Properties["requests"].AdditionalProperties.Schema.Pattern)
		})
	}
}

// schemaOf returns the schema of the entries of a list in the spec of a kind.
func schemaOf(t *testing.T, plural, list string) *apiextensions.JSONSchemaProps {
	t.Helper()
	crd := load(t, "../../config/crd/tekton.dev_"+plural+".yaml")
	return crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties[list].Items.Schema
}

func checkQuantities(t *testing.T, pattern string) {
	t.Helper()
	quantity := regexp.MustCompile(pattern)
	for value, want := range map[string]bool{"1": true, "500m": true, "1.5Gi": true, "1e3": true, "1e999": true, "1e-999": true, "1e1.5": false, "1 GB": false, "1e9999999999999999999": false} {
		_, err := resource.ParseQuantity(value)
		if got := quantity.MatchString(value); got != want || got && err != nil {
			t.Errorf("%s: matches: %t, %v", value, got, err)
		}
	}
}

func load(t *testing.T, file string) *apiextensions.CustomResourceDefinition {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var v1 apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(data, &v1); err != nil {
		t.Fatal(err)
	}
	apiextensionsv1.SetDefaults_CustomResourceDefinition(&v1)
	apiextensionsv1.SetDefaults_CustomResourceDefinitionSpec(&v1.Spec)
	var crd apiextensions.CustomResourceDefinition
	if err := apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(&v1, &crd, nil); err != nil {
		t.Fatal(err)
	}
	return &crd
}
