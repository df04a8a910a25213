package entrypoint

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// volume makes a folder as the kubelet makes that of a Secret.
func (p pod) volume(name string, files map[string]string) string {
	p.Helper()
	for file, text := range files {
		p.write(p.path(name, "..2026", file), text)
		top, _, _ := strings.Cut(file, "/")
		if err := os.Symlink("..data/"+top, p.path(name, top)); err != nil {
			p.Fatal(err)
		}
	}
	if err := os.Symlink("..2026", p.path(name, "..data")); err != nil {
		p.Fatal(err)
	}
	return p.path(name)
}

func TestSecretsStayOutOfTheLog(t *testing.T) {
	p := newPod(t)
	b64 := base64.StdEncoding.EncodeToString
	files := p.volume("files", map[string]string{"password": "from-a-file\n", "deep/key": "first line\nsecond line\n"})
	docker := p.volume("docker", map[string]string{
		".dockerconfigjson": `{"auths":{"r.example.com":{"auth":"` + b64([]byte("bot:registry-pass")) + `"}}}`,
	})
	s := p.step(0, "a", `
echo "env $TOKEN, file $(cat `+files+`/password), one `+p.path("single")+`: $(cat `+p.path("single")+`)"
cat `+files+`/deep/key >&2
printf %s "x:$TOKEN" | base64
echo https://bot:registry-pass@r.example.com bm90
echo "$TOKEN" > `+p.path("results", "r")+`
printf from-; sleep 0.01; printf 'a-file\n'
echo "plain $PLAIN"
`)
	p.write(p.path("single"), "as one file")
	s.SecretEnv = []string{"TOKEN", "ABSENT"}
	s.SecretPaths = []string{files, docker, p.path("single"), p.path("absent")}
	s.Results = []contract.Declared{{Name: "r"}}
	s.Stdout = p.path("stdout")
	c, code, m := p.run(s, "TOKEN=from env+vars", "PLAIN=from-plain")
	want := "env ***, file ***, one " + p.path("single") + ": ***\neDp***\nhttps://bot:***@r.example.com bm90\n***\nplain from-plain\n"
	if code != 0 || c.out.String() != want || c.err.String() != "***\n***\n" {
		t.Errorf("code %d\n got %q\nwant %q\nstderr %q", code, c.out.String(), want, c.err.String())
	}
	if m.Results[0].Value != "from env+vars\n" || !strings.Contains(p.read(s.Stdout), "env from env+vars, file from-a-file") {
		t.Errorf("a result or a file was masked: %+v %q", m.Results, p.read(s.Stdout))
	}
}

// What the entrypoint itself says is in the log and in the run's status.
func TestSecretsStayOutOfErrors(t *testing.T) {
	p := newPod(t)
	s := p.step(0, "a", "")
	s.Command, s.SecretEnv = []string{"hunter2!"}, []string{"TOKEN"}
	if c, code, m := p.run(s, "TOKEN=hunter2!"); code != exitNotFound || strings.Contains(m.Detail+c.err.String(), "hunter2") || !strings.Contains(m.Detail, `"***"`) {
		t.Errorf("%d %+v %q", code, m, c.err.String())
	}
}

func TestNothingIsLostWhenMasked(t *testing.T) {
	p := newPod(t)
	s := p.step(0, "a", `i=0; while [ $i -lt 20000 ]; do echo "line $i of many hunter"; i=$((i+1)); done; printf 'hunter2 hunter'`)
	s.SecretEnv = []string{"TOKEN"}
	c, _, _ := p.run(s, "TOKEN=hunter2")
	if lines := strings.Count(c.out.String(), " of many hunter\n"); lines != 20000 || !strings.HasSuffix(c.out.String(), "\n*** hunter") {
		t.Errorf("%d lines, then %q", lines, c.out.String()[max(0, c.out.Len()-20):])
	}
}

// A log that takes its time must get all the same what the process had written.
func TestSlowLogIsComplete(t *testing.T) {
	p := newPod(t)
	s := p.step(0, "a", "head -c 150000 /dev/zero | tr '\\0' x; echo; echo end")
	s.SecretEnv = []string{"TOKEN"}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := p.command(s, "TOKEN=hunter2")
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	mark := contract.StartMarkPath(s.RunDir)
	p.eventually("it to run", p.exists(mark))
	time.Sleep(2 * drain) // the reader is slow: that is the case
	got := make([]byte, 0, 200000)
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil {
			break
		}
	}
	_ = cmd.Wait()
	if len(got) != 150005 || !strings.HasSuffix(string(got), "x\nend\n") {
		t.Errorf("%d bytes", len(got))
	}
}

// A process that stays behind keeps the pipe open; the step ends all the same.
func TestMaskedStepEndsWithoutItsChildren(t *testing.T) {
	p := newPod(t)
	s := p.step(0, "a", "(while :; do echo noise; done) & sleep 5 & echo said")
	s.SecretEnv = []string{"TOKEN"}
	began := time.Now()
	c, code, _ := p.run(s, "TOKEN=hunter2")
	if code != 0 || !strings.Contains(c.out.String(), "said\n") || time.Since(began) > patience/2 {
		t.Errorf("code %d after %s", code, time.Since(began))
	}
}

// Without a secret nothing stands between the process and its log.
func TestNoPipeWithoutSecrets(t *testing.T) {
	for why, tc := range map[string]struct {
		env  []string
		pipe bool
	}{
		"no secret":              {nil, false},
		"none worth masking":     {[]string{"SHORT"}, false},
		"one that is not there":  {[]string{"ABSENT"}, false},
		"a secret, for contrast": {[]string{"TOKEN"}, true},
	} {
		p := newPod(t)
		s := p.step(0, "a", "readlink /proc/$PPID/fd/1 > "+p.path("theirs")+"; exec 3>&1; readlink /proc/self/fd/3 > "+p.path("ours"))
		s.SecretEnv = tc.env
		if _, code, _ := p.run(s, "TOKEN=hunter2", "SHORT=abc"); code != 0 || (p.read(p.path("ours")) != p.read(p.path("theirs"))) != tc.pipe {
			t.Errorf("%s: %s %s", why, p.read(p.path("ours")), p.read(p.path("theirs")))
		}
	}
}

// A file that cannot be written to must not stop the process.
func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	p := newPod(t)
	s := p.step(0, "a", "head -c 300000 /dev/zero | tr '\\0' x")
	s.Stdout = "/dev/full"
	c, code, _ := p.run(s)
	if code != 0 || c.out.Len() != 300000 || !strings.Contains(c.err.String(), "/dev/full: no space left") {
		t.Errorf("code %d, %d bytes, %s", code, c.out.Len(), c.err.String())
	}
}
