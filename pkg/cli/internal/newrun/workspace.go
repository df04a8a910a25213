package newrun

import (
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

var workspaceKeys = []string{"name", "subPath", "emptyDir", "claimName", "config", "secret", "item", "size", "storageClass"}

// Workspace parses one --workspace: name=NAME, then exactly one of emptyDir= (or emptyDir=Memory), claimName=PVC,
// config=CONFIGMAP, secret=SECRET, size=1Gi (a claim made for the run alone); and where they fit subPath=DIR,
// item=KEY=PATH, storageClass=NAME.
func Workspace(arg string) (v1.WorkspaceBinding, error) {
	w := v1.WorkspaceBinding{}
	fields := map[string]string{}
	var items []corev1.KeyToPath
	for part := range strings.SplitSeq(arg, ",") {
		key, value, _ := strings.Cut(part, "=")
		if key == "item" {
			k, path, ok := strings.Cut(value, "=")
			if !ok {
				return w, fmt.Errorf("--workspace %s: write item=KEY=PATH", arg)
			}
			items = append(items, corev1.KeyToPath{Key: k, Path: path})
			continue
		}
		if err := putField(fields, key, value); err != nil {
			return w, fmt.Errorf("--workspace %s: %w", arg, err)
		}
	}
	if fields["name"] == "" {
		return w, fmt.Errorf("--workspace %s: it begins with name=NAME", arg)
	}
	w.Name, w.SubPath = fields["name"], fields["subPath"]
	if err := setSource(&w, fields, items); err != nil {
		return w, fmt.Errorf("--workspace %s: %w", arg, err)
	}
	return w, nil
}

func putField(fields map[string]string, key, value string) error {
	for _, known := range workspaceKeys {
		if key != known {
			continue
		}
		if _, twice := fields[key]; twice {
			return fmt.Errorf("%s is given twice", key)
		}
		fields[key] = value
		return nil
	}
	return fmt.Errorf("no key %q%s; write name=NAME,SOURCE such as name=source,size=1Gi", key, suggest.DidYouMean(key, workspaceKeys))
}

func setSource(w *v1.WorkspaceBinding, fields map[string]string, items []corev1.KeyToPath) error {
	sources := 0
	has := func(key string) bool {
		_, ok := fields[key]
		if ok {
			sources++
		}
		return ok
	}
	if has("emptyDir") {
		w.EmptyDir = &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMedium(fields["emptyDir"])}
	}
	if has("claimName") {
		w.PersistentVolumeClaim = &corev1.PersistentVolumeClaimVolumeSource{ClaimName: fields["claimName"]}
	}
	if has("config") {
		w.ConfigMap = &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: fields["config"]}, Items: items}
	}
	if has("secret") {
		w.Secret = &corev1.SecretVolumeSource{SecretName: fields["secret"], Items: items}
	}
	if has("size") {
		claim, err := claimOf(fields["size"], fields["storageClass"])
		if err != nil {
			return err
		}
		w.VolumeClaimTemplate = claim
	}
	if sources != 1 {
		return errors.New("give exactly one of emptyDir=, claimName=PVC, config=CONFIGMAP, secret=SECRET, size=1Gi")
	}
	return nil
}

func claimOf(size, class string) (*corev1.PersistentVolumeClaim, error) {
	q, err := resource.ParseQuantity(size)
	if err != nil {
		return nil, fmt.Errorf("size=%s is not a quantity such as 500Mi or 1Gi", size)
	}
	claim := &corev1.PersistentVolumeClaim{Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: q}},
	}}
	if class != "" {
		claim.Spec.StorageClassName = &class
	}
	return claim, nil
}
