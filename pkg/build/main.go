package build

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

// Env is what the builder's process gets from outside.
type Env struct {
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Now            func() time.Time
	// StateDir is a directory that outlives the build's changes to the root file system, such as /kaniko.
	StateDir string
}

// Main runs the builder: it parses args, builds with the engine, writes the results and the summary, and returns the
// process's exit status. Progress goes to Stdout; an error is one line on Stderr.
func Main(ctx context.Context, args []string, env Env, engine Engine) ExitCode {
	request, err := ParseFlags(args, env.Stdout, env.Getenv)
	if errors.Is(err, flag.ErrHelp) {
		return ExitOK
	}
	if err == nil {
		err = run(ctx, request, env, engine)
	}
	if err != nil {
		fmt.Fprintf(env.Stderr, "error: %v\n", err)
	}
	return exitCodeOf(err)
}

func run(ctx context.Context, r Request, env Env, engine Engine) error {
	if err := gatherCredentials(env); err != nil {
		return err
	}
	result, err := engine.Build(ctx, r.Options, NewProgress(env.Stdout, env.Now))
	if err != nil {
		return err
	}
	WriteSummary(env.Stdout, result)
	if err := writeResult(r.ImageURLFile, result.Image); err != nil {
		return err
	}
	return writeResult(r.ImageDigestFile, result.Digest)
}

func writeResult(path, value string) error {
	if path == "" {
		return nil
	}
	if err := os.WriteFile(path, []byte(value), 0o644); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}
