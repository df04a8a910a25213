package newrun

import (
	"time"

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Flags are Options as they stand on a command line.
type Flags struct {
	Options
	timeout time.Duration
}

// AddTo registers the flags.
func (f *Flags) AddTo(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&f.Params, "param", "p", nil, "parameter NAME=VALUE; array NAME=A,B; object NAME=KEY:VALUE,KEY:VALUE (repeatable)")
	flags.StringArrayVarP(&f.Workspaces, "workspace", "w", nil, "workspace name=NAME,SOURCE with SOURCE one of emptyDir=, claimName=PVC, config=CONFIGMAP, secret=SECRET, size=1Gi (repeatable)")
	flags.StringSliceVar(&f.Labels, "labels", nil, "labels KEY=VALUE for the run")
	flags.StringVarP(&f.ServiceAccount, "serviceaccount", "s", "", "service account of the Pods")
	flags.StringVar(&f.Prefix, "prefix-name", "", "beginning of the run's name, instead of the pipeline's or task's name")
	flags.DurationVar(&f.timeout, "timeout", 0, "time for the whole run, such as 30m; the installation's default if not given")
}

// Build returns the options that the flags say.
func (f *Flags) Build() Options {
	o := f.Options
	if f.timeout > 0 {
		o.Timeout = &metav1.Duration{Duration: f.timeout}
	}
	return o
}
