package build

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFindDockerfile(t *testing.T) {
	root := t.TempDir()
	t.Chdir(root)
	for _, name := range []string{"Dockerfile", "app/Dockerfile", "app/prod.Dockerfile", "app/prod.Dockerfile.dockerignore"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir("empty", 0o755); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ why, context, dockerfile, want, err string }{
		{why: "the default is the working directory's", context: "app", want: "Dockerfile"},
		{why: "a path from the working directory", context: "app", dockerfile: "./app/Dockerfile", want: "app/Dockerfile"},
		{why: "a path from the context", context: "app", dockerfile: "prod.Dockerfile", want: "app/prod.Dockerfile"},
		{why: "an absolute path", context: "app", dockerfile: root + "/app/Dockerfile", want: "app/Dockerfile"},
		{why: "a missing file: both places and what else there is", context: "app", dockerfile: "nope",
			err: "no Dockerfile at " + root + "/nope or " + root + "/app/nope; the context has Dockerfile, prod.Dockerfile"},
		{why: "nothing at all", context: "empty", dockerfile: "nope",
			err: "no Dockerfile at " + root + "/nope or " + root + "/empty/nope"},
		{why: "a directory", context: "app", dockerfile: "empty", err: root + "/empty is a directory, not a Dockerfile"},
		{why: "no context", context: "gone", err: "context " + root + "/gone: no such directory"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			o := Options{Context: filepath.Join(root, tt.context), Dockerfile: tt.dockerfile}
			got, err := o.FindDockerfile()
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("got %q, %v\nwant error %q", got, err, tt.err)
				}
				return
			}
			if err != nil || got != filepath.Join(root, tt.want) {
				t.Errorf("got %q, %v, want %s", got, err, tt.want)
			}
		})
	}
}
