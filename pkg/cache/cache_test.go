package cache

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// world is a registry whose faults a test chooses, and what was asked of it.
type world struct {
	t       *testing.T
	host    string
	inner   http.Handler
	faulty  atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]
	mu      sync.Mutex
	pushed  []string // digests of blobs
	clock   atomic.Int64
	log     bytes.Buffer
	started time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, inner: registry.New(registry.Logger(log.New(io.Discard, "", 0))), started: time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC)}
	server := httptest.NewServer(http.HandlerFunc(func(res http.ResponseWriter, req *http.Request) {
		if fault := w.faulty.Load(); fault != nil && (*fault)(res, req) {
			return
		}
		if digest := req.URL.Query().Get("digest"); req.Method == http.MethodPut && digest != "" {
			w.mu.Lock()
			w.pushed = append(w.pushed, digest)
			w.mu.Unlock()
		}
		w.inner.ServeHTTP(res, req)
	}))
	t.Cleanup(server.Close)
	w.host = strings.TrimPrefix(server.URL, "http://")
	// What the program sets for itself is the test's again at its end.
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	t.Setenv("TMPDIR", t.TempDir())
	return w
}

// fail makes answers go wrong for which fault returns true, having answered itself.
func (w *world) fail(fault func(http.ResponseWriter, *http.Request) bool) { w.faulty.Store(&fault) }

func (w *world) options(scope string, folders ...Folder) Options {
	return Options{Repository: w.host + "/team/app/cache", Scope: scope, Folders: folders, Transport: http.DefaultTransport,
		// Each look at the clock is a second later.
		Now: func() time.Time { return w.started.Add(time.Duration(w.clock.Add(1)) * time.Second) },
		Log: &w.log, pause: time.Millisecond}
}

// fill makes a folder of files with the content.
func (w *world) fill(folder string, files map[string]string) Folder {
	w.t.Helper()
	for name, content := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			w.t.Fatal(err)
		}
		if err := os.Chtimes(path, w.started, w.started); err != nil {
			w.t.Fatal(err)
		}
	}
	return Folder{"deps", folder}
}

func (w *world) save(scope, key string, files map[string]string) bool {
	w.t.Helper()
	ok, err := Save(w.t.Context(), w.options(scope, w.fill(filepath.Join(w.t.TempDir(), "deps"), files)), key)
	if err != nil {
		w.t.Fatal(err)
	}
	return ok
}

// restore restores into a folder of its own and returns what came, with the files in the folder.
func (w *world) restore(scope, key string, prefixes ...string) (Restored, map[string]string) {
	w.t.Helper()
	base := w.t.TempDir()
	got, err := Restore(w.t.Context(), w.options(scope, Folder{"deps", base + "/deps"}), key, prefixes)
	if err != nil {
		w.t.Fatal(err)
	}
	entries, err := os.ReadDir(base)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "deps" {
			w.t.Errorf("%s is left over", e.Name())
		}
	}
	return got, read(w.t, base+"/deps")
}

// read returns the files of a folder by name; nil is no folder.
func read(t *testing.T, folder string) map[string]string {
	t.Helper()
	if _, err := os.Stat(folder); err != nil {
		return nil
	}
	files := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, folder+"/")] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func (w *world) want(got Restored, files map[string]string, key string, exact bool, content string) {
	w.t.Helper()
	if got != (Restored{key, exact}) || files["file"] != content || (files == nil) != (key == "") {
		w.t.Errorf("got %+v with %.50q; want %q, %v with %.50q; the log:\n%s", got, files["file"], key, exact, content, w.log.String())
	}
}

func (w *world) wantLog(text string) {
	w.t.Helper()
	if !strings.Contains(w.log.String(), text) {
		w.t.Errorf("the log does not say %q:\n%s", text, w.log.String())
	}
}

// noise cannot be compressed.
func noise(seed uint64, size int) string {
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], seed)
	b := make([]byte, size)
	_, _ = rand.NewChaCha8(key).Read(b) // never fails
	return string(b)
}

// large is so much that it takes several packs.
func large(seed uint64) map[string]string {
	files := map[string]string{"file": strconv.FormatUint(seed, 10)}
	for i := range uint64(30) {
		files[fmt.Sprintf("m%02d/blob", i)] = noise(seed*1000+i, 500_000)
	}
	return files
}

func TestSaveAndRestore(t *testing.T) {
	w := newWorld(t)
	got, files := w.restore("", "go-1", "go-")
	w.want(got, files, "", false, "")
	if strings.Contains(w.log.String(), "warning") {
		t.Errorf("that there is nothing yet is a warning:\n%s", w.log.String())
	}
	if !w.save("", "go-1", map[string]string{"file": "one", "sub/x": "y"}) || !w.save("", "go-2", map[string]string{"file": "two"}) {
		t.Fatal(w.log.String())
	}
	got, files = w.restore("", "go-1", "go-")
	w.want(got, files, "go-1", true, "one")
	w.wantLog("restored go-1, saved 2026-11-22T01:02:")
	got, files = w.restore("", "go-3", "go-")
	w.want(got, files, "go-2", false, "two")
	got, files = w.restore("", "go-3", "npm-", "go-1")
	w.want(got, files, "go-1", false, "one")
	got, files = w.restore("", "go-3")
	w.want(got, files, "", false, "")

	// What is kept under a key stays what it is.
	if !w.save("", "go-1", map[string]string{"file": "other"}) {
		t.Error(w.log.String())
	}
	w.wantLog("go-1 was saved at 2026-11-22T01:02:")
	got, files = w.restore("", "go-1")
	w.want(got, files, "go-1", true, "one")

	// Folders of other names have other caches.
	other, err := Restore(t.Context(), w.options("", Folder{"vendor", t.TempDir() + "/deps"}), "go-1", []string{""})
	if err != nil || other.Key != "" {
		t.Errorf("a cache of other folders: %+v, %v", other, err)
	}
}

// TestSameContentIsPushedOnce: also under another key, and with a little that is new.
func TestSameContentIsPushedOnce(t *testing.T) {
	w := newWorld(t)
	folder := w.fill(filepath.Join(t.TempDir(), "deps"), large(1))
	save := func(key string) int {
		t.Helper()
		before := len(w.pushed)
		if ok, err := Save(t.Context(), w.options("", folder), key); err != nil || !ok {
			t.Fatal(err, w.log.String())
		}
		return len(w.pushed) - before
	}
	if n := save("a"); n < 3 { // with the empty config
		t.Fatalf("%d blobs for 15 MB", n)
	}
	if n := save("b"); n != 0 {
		t.Errorf("the same content under another key took %d blobs", n)
	}
	w.wantLog(" in 0 were pushed")
	w.fill(folder.Path, map[string]string{"m20/new": "x"})
	if n := save("c"); n != 1 {
		t.Errorf("a new file took %d blobs", n)
	}
}

// TestPullRequests read the repository's caches, and write their own, which nobody else reads.
func TestPullRequests(t *testing.T) {
	w := newWorld(t)
	w.save("", "go-1", large(1))
	if !w.save("pull-7", "go-2", map[string]string{"file": "poison"}) {
		t.Error(w.log.String())
	}
	for scope, want := range map[string]string{"": "go-1", "pull-8": "go-1", "pull-7": "go-2"} {
		got, files := w.restore(scope, "go-2", "go-")
		content := "1"
		if want == "go-2" {
			content = "poison"
		}
		w.want(got, files, want, want == "go-2", content)
	}
	// With nothing of its own that fits, one reads the repository's.
	got, files := w.restore("pull-7", "go-1")
	w.want(got, files, "go-1", true, "1")

	// What the repository has is not pushed again.
	before := len(w.pushed)
	if !w.save("pull-8", "go-9", large(1)) {
		t.Error(w.log.String())
	}
	if n := len(w.pushed) - before; n != 0 {
		t.Errorf("%d blobs were pushed again", n)
	}
}

// TestRunThatMayNotPush goes on with a warning, and what others have stays.
func TestRunThatMayNotPush(t *testing.T) {
	w := newWorld(t)
	w.save("", "go-1", map[string]string{"file": "one"})
	w.fail(func(res http.ResponseWriter, req *http.Request) bool {
		if req.Method != http.MethodGet && req.Method != http.MethodHead {
			res.WriteHeader(http.StatusForbidden)
			return true
		}
		return false
	})
	if w.save("", "go-2", map[string]string{"file": "poison"}) {
		t.Error("saved")
	}
	w.wantLog("warning: go-2 is not saved in " + w.host + "/team/app/cache: this run may not push there: ")
	got, files := w.restore("", "go-2", "go-")
	w.want(got, files, "go-1", false, "one")
}

// TestEveryThirdRequestFails: with a 503, and then with a connection that breaks.
func TestEveryThirdRequestFails(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter){
		"unavailable": func(res http.ResponseWriter) { res.WriteHeader(http.StatusServiceUnavailable) },
		"broken":      func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var count atomic.Int64
			w.fail(func(res http.ResponseWriter, _ *http.Request) bool {
				if count.Add(1)%3 != 0 {
					return false
				}
				answer(res)
				return true
			})
			files := large(2)
			if !w.save("", "go-1", files) {
				t.Fatal(w.log.String())
			}
			got, back := w.restore("", "go-1")
			w.want(got, back, "go-1", true, "2")
			if len(back) != len(files) {
				t.Errorf("%d files of %d", len(back), len(files))
			}
		})
	}
}

// TestDamage: what cannot be restored rightly is a miss with a warning, or gives way to the next that fits; no folder is
// ever there in part.
func TestDamage(t *testing.T) {
	for name, c := range map[string]struct {
		fault func(res http.ResponseWriter, req *http.Request, inner http.Handler) bool
		log   string
	}{
		"a truncated blob": {func(res http.ResponseWriter, req *http.Request, inner http.Handler) bool {
			return answerBlob(res, req, inner, func(b []byte) []byte { return b[:len(b)/2] })
		}, "the cache is damaged"},
		"a blob with a bit that flipped": {func(res http.ResponseWriter, req *http.Request, inner http.Handler) bool {
			return answerBlob(res, req, inner, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		}, "names is something else"},
		"blobs that are gone": {func(res http.ResponseWriter, req *http.Request, _ http.Handler) bool {
			if isBlob(req) {
				res.WriteHeader(http.StatusNotFound)
			}
			return isBlob(req)
		}, "404"},
		"a manifest that is gone": {func(res http.ResponseWriter, req *http.Request, _ http.Handler) bool {
			gone := strings.Contains(req.URL.Path, "/manifests/")
			if gone {
				res.WriteHeader(http.StatusNotFound)
			}
			return gone
		}, "404"},
		"a manifest of another cache": {func(res http.ResponseWriter, req *http.Request, inner http.Handler) bool {
			return answer(res, req, inner, "/manifests/", func(b []byte) []byte { return bytes.Replace(b, []byte(`"go-2"`), []byte(`"go-7"`), 1) })
		}, "the manifest is of something else"},
		"a manifest that is none": {func(res http.ResponseWriter, req *http.Request, inner http.Handler) bool {
			return answer(res, req, inner, "/manifests/", func([]byte) []byte { return []byte("{") })
		}, "the cache is damaged"},
		"a manifest with a blob of the attacker's size": {func(res http.ResponseWriter, req *http.Request, inner http.Handler) bool {
			return answer(res, req, inner, "/manifests/", func(b []byte) []byte { return bytes.Replace(b, []byte(`"size":`), []byte(`"size":999999999`), 3) })
		}, "the cache is damaged"},
		"a registry that is down": {func(res http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
			res.WriteHeader(http.StatusBadGateway)
			return true
		}, "cannot be listed"},
		"a registry that does not know us": {func(res http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
			res.WriteHeader(http.StatusUnauthorized)
			return true
		}, "cannot be listed"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.save("", "go-2", large(3))
			w.fail(func(res http.ResponseWriter, req *http.Request) bool { return c.fault(res, req, w.inner) })
			got, files := w.restore("", "go-2", "go-")
			w.want(got, files, "", false, "")
			w.wantLog("warning: ")
			w.wantLog(c.log)
		})
	}
}

func isBlob(req *http.Request) bool {
	return req.Method == http.MethodGet && strings.Contains(req.URL.Path, "/blobs/sha256:")
}

// answerBlob answers a request for a blob with what change makes of it.
func answerBlob(res http.ResponseWriter, req *http.Request, inner http.Handler, change func([]byte) []byte) bool {
	return answer(res, req, inner, "/blobs/sha256:", change)
}

func answer(res http.ResponseWriter, req *http.Request, inner http.Handler, part string, change func([]byte) []byte) bool {
	if req.Method != http.MethodGet || !strings.Contains(req.URL.Path, part) {
		return false
	}
	recorded := httptest.NewRecorder()
	inner.ServeHTTP(recorded, req)
	res.Header().Set("Content-Type", recorded.Header().Get("Content-Type"))
	body := change(recorded.Body.Bytes())
	res.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = res.Write(body)
	return true
}

// TestDamagedGivesWay: where the best is damaged, the next is restored.
func TestDamagedGivesWay(t *testing.T) {
	w := newWorld(t)
	w.save("", "go-1", map[string]string{"file": "one"})
	w.save("", "go-2", large(4))
	w.fail(func(res http.ResponseWriter, req *http.Request) bool {
		return answerBlob(res, req, w.inner, func(b []byte) []byte { return b[:min(len(b), 1000)] })
	})
	got, files := w.restore("", "go-2", "go-")
	w.want(got, files, "go-1", false, "one")
	w.wantLog("warning: go-2 of 2026-11-22T01:")
}

// TestOnceTruncated: what comes whole at the second time is restored.
func TestOnceTruncated(t *testing.T) {
	w := newWorld(t)
	w.save("", "go-1", large(5))
	var seen sync.Map
	w.fail(func(res http.ResponseWriter, req *http.Request) bool {
		if _, again := seen.LoadOrStore(req.URL.Path, true); again {
			return false
		}
		return answerBlob(res, req, w.inner, func(b []byte) []byte { return b[:len(b)-1] })
	})
	got, files := w.restore("", "go-1")
	w.want(got, files, "go-1", true, "5")
}

// TestConcurrentWriters: of those that save under one key at once, readers see one whole.
func TestConcurrentWriters(t *testing.T) {
	w := newWorld(t)
	const writers = 4
	folders := make([]Folder, writers)
	for i := range folders {
		folders[i] = w.fill(filepath.Join(t.TempDir(), "deps"), large(uint64(i)))
	}
	var group sync.WaitGroup
	stop := make(chan struct{})
	for i := range writers {
		group.Go(func() {
			o := w.options("", folders[i])
			o.Log = io.Discard
			if ok, err := Save(context.Background(), o, "go-1"); err != nil || !ok {
				t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	check := func() bool {
		o := w.options("", Folder{"deps", filepath.Join(t.TempDir(), "deps")})
		o.Log = io.Discard
		got, err := Restore(context.Background(), o, "go-1", nil)
		files := read(t, o.Folders[0].Path)
		if err != nil {
			t.Error(err)
		}
		if got.Key == "" {
			return false
		}
		seed, err := strconv.ParseUint(files["file"], 10, 64)
		if err != nil || len(files) != 31 {
			t.Errorf("%d files, the writer %q", len(files), files["file"])
			return false
		}
		for name, content := range large(seed) {
			if files[name] != content {
				t.Errorf("%s is not that of writer %d", name, seed)
			}
		}
		return true
	}
	var readers sync.WaitGroup
	readers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				check()
			}
		}
	})
	group.Wait()
	close(stop)
	readers.Wait()
	if !check() {
		t.Error("nothing is there after all")
	}
}

// TestFolderThatHoldsSomething is left as it is.
func TestFolderThatHoldsSomething(t *testing.T) {
	w := newWorld(t)
	w.save("", "go-1", map[string]string{"file": "one"})
	folder := w.fill(filepath.Join(t.TempDir(), "deps"), map[string]string{"file": "mine"})
	got, err := Restore(t.Context(), w.options("", folder), "go-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if files := read(t, folder.Path); got.Key != "" || files["file"] != "mine" {
		t.Errorf("%+v, %q", got, files)
	}
	w.wantLog("holds something already and is left as it is")
}

func TestNothingToSave(t *testing.T) {
	w := newWorld(t)
	ok, err := Save(t.Context(), w.options("", Folder{"deps", t.TempDir() + "/deps"}), "go-1")
	if ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	w.wantLog("warning: nothing is saved: ")
}

func TestFoldersBelow(t *testing.T) {
	got, err := FoldersBelow("/workspace/source", []string{"node_modules", "./web/../a/", "/workspace/source/b", "/tekton/home/.npm"})
	want := []Folder{{"node_modules", "/workspace/source/node_modules"}, {"a", "/workspace/source/a"}, {"b", "/workspace/source/b"}, {"/tekton/home/.npm", "/tekton/home/.npm"}}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, %v", got, err)
	}
	for _, paths := range [][]string{nil, {""}, {"."}, {"/"}, {"/workspace/source"}, {"a", "a/b"}, {"a/b", "a"}, {"a", "./a"}} {
		if _, err := FoldersBelow("/workspace/source", paths); err == nil {
			t.Errorf("%q is taken", paths)
		}
	}
}
