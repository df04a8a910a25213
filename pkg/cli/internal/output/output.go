// Package output prints objects as -o asks: json, yaml, name, jsonpath, go-template.
package output

import (
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/slipway-dev/slipway/pkg/cli/internal/cluster"
	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// Flags are -o and what belongs to it.
type Flags struct{ flags *genericclioptions.PrintFlags }

// NewFlags returns the flags of one command.
func NewFlags() *Flags {
	return &Flags{genericclioptions.NewPrintFlags("").WithTypeSetter(cluster.Scheme)}
}

// AddTo registers the flags and their completion.
func (f *Flags) AddTo(cmd *cobra.Command) {
	f.flags.AddFlags(cmd)
	err := cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"json", "yaml", "name", "jsonpath=", "go-template="}, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // only if AddFlags stops to make the flag
	}
}

// Asked reports whether -o was given.
func (f *Flags) Asked() bool { return *f.flags.OutputFormat != "" }

// Or returns the flags with a format for when -o was not given.
func (f *Flags) Or(format string) *Flags {
	if f.Asked() {
		return f
	}
	return &Flags{genericclioptions.NewPrintFlags("").WithTypeSetter(cluster.Scheme).WithDefaultOutput(format)}
}

// Check refuses a format that does not exist, before anything is done.
func (f *Flags) Check() error {
	if !f.Asked() {
		return nil
	}
	_, err := f.flags.ToPrinter()
	return explain(err)
}

// formats are those worth naming; the printers know a few more.
var formats = []string{"json", "yaml", "name", "jsonpath=…", "go-template=…"}

func explain(err error) error {
	var unknown genericclioptions.NoCompatiblePrinterError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &unknown) && unknown.OutputFormat != nil:
		return env.Usage("--output %s: it is one of %s%s", *unknown.OutputFormat, strings.Join(formats, ", "), suggest.DidYouMean(*unknown.OutputFormat, formats))
	default:
		return &env.ExitError{Code: env.ExitUsage, Err: err}
	}
}

// Print writes the object, without the noise of managed fields. Of a list -o name writes
// each item, as kubectl does.
func (f *Flags) Print(w io.Writer, o runtime.Object) error {
	printer, err := f.flags.ToPrinter()
	if err != nil {
		return explain(err)
	}
	if *f.flags.OutputFormat == "name" && meta.IsListType(o) {
		return meta.EachListItem(o, func(item runtime.Object) error { return printer.PrintObj(item, w) })
	}
	return printer.PrintObj(o, w)
}
