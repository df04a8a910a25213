package fetch

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	version "github.com/hashicorp/go-version"
	"sigs.k8s.io/yaml"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// Hub is the resolver hub: it takes the object of the params kind and name from
// a catalog of a hub, at the param version, which may be a constraint such as
// ">= 0.7, < 1". The hub is the one of the param url, or those that the ConfigMap
// hubresolver-config lists for the param type: artifact or tekton.
type Hub struct {
	World  World
	Client *http.Client
}

const artifactHub = "https://artifacthub.io/"

// Origin is the host of the hub.
func (Hub) Origin(p Params) string { return cmp.Or(host(p["url"]), "hub") }

// Immutable is false: a version may be published anew.
func (Hub) Immutable(Params) bool { return false }

// Fetch asks one hub after the other.
func (h Hub) Fetch(ctx context.Context, q Query) (*Document, error) {
	settings, err := h.World.Settings(ctx, "hubresolver-config")
	if err != nil {
		return nil, passing{err}
	}
	w, err := wantedOf(q.Params, settings)
	if err != nil {
		return nil, err
	}
	hubs, err := hubsFor(w.hub, q.Params["url"], settings)
	if err != nil {
		return nil, err
	}
	var failed []error
	for _, base := range hubs {
		found, err := h.ask(ctx, base, w)
		if err == nil {
			return found, nil
		}
		failed = append(failed, err)
	}
	var lines []string
	for _, err := range failed {
		lines = append(lines, err.Error())
	}
	err = errors.New(strings.Join(lines, "; "))
	if slices.ContainsFunc(failed, MayPass) {
		err = passing{err}
	}
	return nil, err
}

// wanted is an object of a hub.
type wanted struct{ hub, catalog, kind, name, version string }

func wantedOf(p Params, settings map[string]string) (wanted, error) {
	w := wanted{hub: cmp.Or(p["type"], settings["default-type"], "artifact"), kind: strings.ToLower(p["kind"])}
	if kinds := []string{"task", "pipeline", "stepaction"}; !slices.Contains(kinds, w.kind) {
		return w, fmt.Errorf("param kind: %q: use task, pipeline or stepaction%s", w.kind, suggest.DidYouMean(w.kind, kinds))
	}
	switch w.hub {
	case "artifact":
		w.catalog = cmp.Or(p["catalog"], settings["default-artifact-hub-"+w.kind+"-catalog"], "tekton-catalog-"+w.kind+"s")
	case "tekton":
		w.catalog = cmp.Or(p["catalog"], settings["default-tekton-hub-catalog"], "Tekton")
	default:
		return w, fmt.Errorf("param type: %q: use artifact or tekton%s", w.hub, suggest.DidYouMean(w.hub, []string{"artifact", "tekton"}))
	}
	var err error
	if w.name, err = p.need("name"); err != nil {
		return w, err
	}
	w.version, err = p.need("version")
	return w, err
}

func hubsFor(hub, given string, settings map[string]string) ([]string, error) {
	if given != "" {
		_, err := webURL(given)
		return []string{given}, err
	}
	key := hub + "-hub-urls"
	var listed []string
	if err := yaml.Unmarshal([]byte(settings[key]), &listed); err != nil {
		return nil, fmt.Errorf("setting %s: not a list of URLs", key)
	}
	if len(listed) == 0 && hub == "tekton" {
		return nil, errors.New("type tekton has no public hub: give the param url, or set tekton-hub-urls in the ConfigMap hubresolver-config")
	}
	if len(listed) == 0 {
		listed = []string{artifactHub}
	}
	return listed, nil
}

func (h Hub) ask(ctx context.Context, base string, w wanted) (*Document, error) {
	u, err := webURL(base)
	if err != nil {
		return nil, err
	}
	object := u.JoinPath("api/v1/packages", "tekton-"+w.kind, w.catalog, w.name)
	if w.hub == "tekton" {
		object = u.JoinPath("v1/resource", w.catalog, w.kind, w.name)
	}
	if w.version, err = h.version(ctx, object, w); err != nil {
		return nil, err
	}
	at := object.JoinPath(w.version)
	if w.hub == "tekton" {
		at = at.JoinPath("yaml")
	}
	var answer struct {
		Data struct {
			ManifestRaw string `json:"manifestRaw"`
			YAML        string `json:"yaml"`
		} `json:"data"`
	}
	if err := h.decode(ctx, at, &answer); err != nil {
		return nil, err
	}
	text := cmp.Or(answer.Data.ManifestRaw, answer.Data.YAML)
	if text == "" {
		return nil, fmt.Errorf("%s: the hub's answer holds no manifest", at.Redacted())
	}
	sum := sha256.Sum256([]byte(text))
	return &Document{Content: []byte(text),
		Source: &v1.RefSource{URI: at.Redacted(), Digest: map[string]string{"sha256": hex.EncodeToString(sum[:])}}}, nil
}

// version is the one to ask for, in the form that the hub has it.
func (h Hub) version(ctx context.Context, object *url.URL, w wanted) (string, error) {
	if exact, err := version.NewVersion(w.version); err == nil {
		return form(exact, w), nil
	}
	constraint, err := version.NewConstraint(w.version)
	if err != nil {
		return "", fmt.Errorf("param version: %q is neither a version nor a constraint such as \">= 0.7\"", w.version)
	}
	known, err := h.versions(ctx, object)
	if err != nil {
		return "", err
	}
	var best *version.Version
	for _, text := range known {
		v, err := version.NewVersion(text)
		if err == nil && constraint.Check(v) && (best == nil || v.GreaterThan(best)) {
			best = v
		}
	}
	if best == nil {
		return "", fmt.Errorf("%s: no version is %s; there are %s", object.Redacted(), w.version, cmp.Or(strings.Join(known, ", "), "none"))
	}
	return best.Original(), nil
}

// form writes a version as the hub does: an Artifact Hub with three numbers, a
// Tekton Hub with two.
func form(v *version.Version, w wanted) string {
	numbers := strings.Count(strings.SplitN(v.Original(), "-", 2)[0], ".") + 1
	switch {
	case w.hub == "artifact" && numbers == 2:
		return v.Original() + ".0"
	case w.hub == "tekton" && numbers == 3:
		return strings.TrimSuffix(v.Original(), ".0")
	}
	return v.Original()
}

// versions lists the released versions of an object.
func (h Hub) versions(ctx context.Context, object *url.URL) ([]string, error) {
	type entry struct {
		Version    string `json:"version"`
		Prerelease bool   `json:"prerelease"`
	}
	var answer struct {
		Available []entry `json:"available_versions"`
		Data      struct {
			Versions []entry `json:"versions"`
		} `json:"data"`
	}
	if err := h.decode(ctx, object, &answer); err != nil {
		return nil, err
	}
	var known []string
	for _, e := range append(answer.Available, answer.Data.Versions...) {
		if !e.Prerelease {
			known = append(known, e.Version)
		}
	}
	return known, nil
}

func (h Hub) decode(ctx context.Context, u *url.URL, into any) error {
	content, err := get(ctx, h.Client, u, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("%s: the answer is not that of a hub: %w", u.Redacted(), err)
	}
	return nil
}
