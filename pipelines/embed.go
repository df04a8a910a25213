// Package pipelines holds the Tasks, StepActions and Pipelines that Slipway ships.
package pipelines

import "embed"

// Files is this folder: tasks/NAME/NAME.yaml, stepactions/NAME/NAME.yaml and pipelines/NAME/NAME.yaml, each with a README.md
// beside it.
//
//go:embed tasks stepactions pipelines
var Files embed.FS
