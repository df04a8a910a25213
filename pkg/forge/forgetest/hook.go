package forgetest

import (
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/pkg/forge"
)

var update = flag.Bool("update", false, "write the golden files")

// Delivery is a webhook, and what is to be read of it: testdata/BODY.golden.
type Delivery struct {
	// Body is testdata/BODY.json.
	Body   string
	Header http.Header
	// NotOurs are the words that say why it starts nothing instead.
	NotOurs string
}

// Parse holds what a hook reads against the golden events.
func Parse(t *testing.T, hook forge.Hook, deliveries []Delivery) {
	t.Helper()
	for _, d := range deliveries {
		t.Run(d.Body, func(t *testing.T) {
			body, err := os.ReadFile(filepath.Join("testdata", d.Body+".json"))
			if err != nil {
				t.Fatal(err)
			}
			events, err := hook.Parse(d.Header, body)
			if d.NotOurs != "" {
				if !errors.Is(err, forge.ErrNotOurs) || !strings.Contains(err.Error(), d.NotOurs) {
					t.Errorf("%v, want one that is not ours: %s", err, d.NotOurs)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var texts strings.Builder
			for _, e := range events {
				text, err := json.MarshalIndent(e, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				texts.Write(append(text, '\n'))
			}
			golden(t, d.Body+".golden", texts.String())
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got); run with -update if it should be:\n%s", path, diff)
	}
}

// Signature is a webhook that is to be verified.
type Signature struct {
	Header http.Header
	Secret string
	// Want are the words of the error; empty for a good one.
	Want string
}

// Verify holds what a hook says of signatures against what it should.
func Verify(t *testing.T, hook forge.Hook, body string, cases map[string]Signature) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := hook.Verify(c.Header, []byte(body), []byte(c.Secret))
			if c.Want == "" {
				if err != nil {
					t.Error(err)
				}
			} else if !errors.Is(err, forge.ErrSignature) || !strings.Contains(err.Error(), c.Want) {
				t.Errorf("%v, want one of the signature that says %q", err, c.Want)
			}
		})
	}
}

// Wrong is a webhook whose body cannot be read.
type Wrong struct {
	Header     http.Header
	Body, Want string
}

// Refuse has a hook read bodies that are wrong.
func Refuse(t *testing.T, hook forge.Hook, cases map[string]Wrong) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			e, err := hook.Parse(c.Header, []byte(c.Body))
			if err == nil || errors.Is(err, forge.ErrNotOurs) || !strings.Contains(err.Error(), c.Want) {
				t.Errorf("%+v, %v, want an error that says %q", e, err, c.Want)
			}
		})
	}
}
