package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/slipway-dev/slipway/pkg/cli/internal/cluster"
	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
	"github.com/slipway-dev/slipway/pkg/manifest"
)

// fieldManager owns what run applies.
const fieldManager = "slipway"

// read decodes all files. Its error holds what is wrong in all of them, one line each.
func read(stdin io.Reader, names []string) (objects []cluster.Object, err error) {
	var errs []error
	for _, name := range names {
		files, err := expand(name)
		if err != nil {
			errs = append(errs, err)
		}
		for _, file := range files {
			found, err := readFile(stdin, file)
			if err != nil {
				errs = append(errs, err)
			}
			objects = append(objects, found...)
		}
	}
	return objects, errors.Join(errs...)
}

// expand returns the YAML and JSON files of a folder, as kubectl does; any other name as it is.
func expand(name string) ([]string, error) {
	if name == "-" {
		return []string{name}, nil
	}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%s: there is no such file or folder", name)
	case err != nil:
		return nil, err
	case !info.IsDir():
		return []string{name}, nil
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		if ext := filepath.Ext(entry.Name()); !entry.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, ext) {
			files = append(files, filepath.Join(name, entry.Name()))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: there is no .yaml, .yml or .json file in this folder", name)
	}
	return files, nil
}

func readFile(stdin io.Reader, name string) (objects []cluster.Object, err error) {
	var data []byte
	if name == "-" {
		name = "standard input"
		data, err = io.ReadAll(stdin)
	} else {
		data, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, err
	}
	decoded, err := manifest.Decode(data, name)
	if err != nil {
		return nil, err
	}
	for _, o := range decoded {
		objects = append(objects, o)
	}
	return objects, nil
}

// sameNamespace refuses objects that name another namespace than the flags do, and puts those without one where the
// connection is.
func sameNamespace(objects []cluster.Object, e *env.Env, c *cluster.Cluster) error {
	asked := cmp.Or(*e.Config.Namespace, "")
	for _, o := range objects {
		ns := o.GetNamespace()
		if asked != "" && ns != "" && ns != asked {
			return fmt.Errorf("%s is in namespace %q in its file, but --namespace says %q; leave one of them out", cmp.Or(o.GetName(), o.GetGenerateName()), ns, asked)
		}
		if ns == "" {
			o.SetNamespace(c.Namespace)
		}
	}
	return nil
}

// apply sends one object to the cluster, and returns the word for its kind.
func apply(ctx context.Context, c *cluster.Cluster, o cluster.Object, dryRun bool) (string, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return "", err
	}
	object := &unstructured.Unstructured{Object: content}
	gvk := object.GroupVersionKind()
	resource, _ := meta.UnsafeGuessKindToResource(gvk) // right for every kind that manifest decodes
	opts := metav1.ApplyOptions{FieldManager: fieldManager, Force: true}
	if dryRun {
		opts.DryRun = []string{metav1.DryRunAll}
	}
	client := c.Dynamic.Resource(resource).Namespace(o.GetNamespace())
	_, err = client.Apply(ctx, o.GetName(), object, opts)
	if apierrors.IsNotFound(err) {
		if hint := c.In(o.GetNamespace()).NamespaceHint(ctx); hint != "" {
			return "", fmt.Errorf("%s; create it: kubectl create namespace %s", hint, o.GetNamespace())
		}
	}
	return strings.ToLower(gvk.Kind), c.Explain(err)
}
