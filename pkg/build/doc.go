// Package build turns a directory and a Dockerfile into an image in a registry.
//
// It owns what a build is asked (Options), what it answers (Result), what a user sees while it runs (Progress) and how it
// ends (Error and its ExitCode). The engine that executes Dockerfile instructions stands behind the Engine interface, so
// nothing but its own package knows its types.
package build
