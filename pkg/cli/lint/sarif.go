package lint

import (
	"net/url"
	"path/filepath"
)

// The part of SARIF 2.1.0 that a list of findings needs.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID   string    `json:"id"`
		Text sarifText `json:"shortDescription"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		Level     severity        `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
	}
)

var rules = []sarifRule{
	{ruleManifest, sarifText{"The object is not what tekton.dev allows."}},
	{ruleReference, sarifText{"The object does not fit what it refers to."}},
	{ruleScript, sarifText{"A parameter becomes part of a script's text."}},
}

func (r report) sarif(version string) sarifLog {
	results := []sarifResult{}
	for _, f := range r.Findings {
		at := sarifLocation{Physical: sarifPhysical{Artifact: sarifArtifact{uri(f.File)}}}
		if f.Line > 0 {
			at.Physical.Region = &sarifRegion{f.Line}
		}
		if f.Field != "" {
			at.Logical = []sarifLogical{{f.Field}}
		}
		results = append(results, sarifResult{f.Rule, f.Severity, sarifText{f.Message}, []sarifLocation{at}})
	}
	driver := sarifDriver{Name: "slipway lint", Version: version, Rules: rules}
	return sarifLog{
		Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0",
		Runs: []sarifRun{{sarifTool{driver}, results}},
	}
}

// uri is a file's name as a reference that is relative to where lint was run.
func uri(name string) string { return (&url.URL{Path: filepath.ToSlash(name)}).String() }
