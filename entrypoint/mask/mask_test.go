package mask

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestForms(t *testing.T) {
	const secret = `p@ss "w0rd"/it's+~1`
	pem := "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\nx\n-----END KEY-----\n"
	b64 := base64.StdEncoding.EncodeToString
	long := strings.Repeat("abcdefghijklmnopqrstuvwxyz0123456789", 5)
	huge := ""
	for i := range 1000 {
		huge += fmt.Sprint(i, ",")
	}
	fold := func(s string, width int) string {
		var b strings.Builder
		for len(s) > width {
			b.WriteString(s[:width] + "\n")
			s = s[width:]
		}
		return b.String() + s
	}
	for _, tc := range []struct {
		why, secret, text, want string
	}{
		{"as it is", secret, "a" + secret + "b", "a***b"},
		{"with the line end that a file has", "token\n", "is token.\n", "is ***.\n"},
		{"alone in base64, padding and all", "secr", "c2Vjcg==", "***"},
		{"base64 without padding", "secr", "c2Vjcg\n", "***\n"},
		{"base64 with more behind it", "hunter2!", b64([]byte("hunter2!\n")), "***K"},
		{"base64 after one byte", "hunter2!!", b64([]byte(":hunter2!!")), "Om***"},
		{"base64 after two bytes", "hunter2!!", b64([]byte("u:hunter2!!")), "dTp***"},
		{"the URL alphabet of base64", "a>>>?~~", base64.URLEncoding.EncodeToString([]byte("a>>>?~~")), "***"},
		{"base64 broken by a tool", long, fold(b64([]byte(long)), 76), "***\n***\n***\n***"},
		{"base64 broken by openssl", long, fold(b64([]byte(long)), 64), "***\n***\n***\n***"},
		{"a query", secret, "x=" + url.QueryEscape(secret), "x=***"},
		{"a path", secret, "/" + url.PathEscape(secret) + "/", "/***/"},
		{"a URL in small letters", secret, strings.ToLower(url.QueryEscape("@@@ü")), "%40%40%40%c3%bc"},
		{"a value in a URL in small letters", "@@@ü", strings.ToLower(url.QueryEscape("@@@ü")), "***"},
		{"encodeURIComponent", "a b(c)", "a%20b(c)", "***"},
		{"in JSON", secret, `{"k":"p@ss \"w0rd\"/it's+~1"}`, `{"k":"***"}`},
		{"in JSON as Go writes it", "a<b>&c", `"a\u003cb\u003e\u0026c"`, `"***"`},
		{"in a trace of bash", "it's me", `+ echo 'it'\''s me'`, `+ echo '***'`},
		{"in a trace of dash", "it's me", `+ echo 'it'"'"'s me'`, `+ echo '***'`},
		{"each line of many, but for a short one", pem, pem, "***\n***\n***\nx\n***\n"},
		{"lines with the space around them", "  user: a\r\n  pass: bcd\r\n", "pass: bcd\n  user: a\n", "***\n  ***\n"},
		{"many lines in base64", pem, b64([]byte(strings.TrimSpace(pem))), "***"},
		{"short lines together", "ab\ncd", "ab\ncd ab", "*** ab"},
		{"too short", "abc", "abc", "abc"},
		{"one character", "----", "--------", "--------"},
		{"a word of every log", "True\n", "true True", "true True"},
		{"twice", "hunter2", "hunter2hunter2", "******"},
		{"the beginning of one", "hunter2", "hunter", "hunter"},
		{"nearly, then wholly", "aaab", "aaaaaab", "aaa***"},
		{"a value within a longer one", "hunter\nhunter-two", "hunter-two hunter", "*** ***"},
		{"values that overlap", "abcdef\ndefghi", "xabcdefghix", "x***x"},
		{"longer than a piece", huge, "<" + huge + ">", "<" + strings.Repeat(Replacement, len(huge)/maxPattern) + ">"},
	} {
		if got := New([]string{tc.secret}).String(tc.text); got != tc.want {
			t.Errorf("%s: %.200q, want %.200q", tc.why, got, tc.want)
		}
	}
}

func TestNothingToMask(t *testing.T) {
	if s := New([]string{"", "  \n", "abc", "true", "////"}); s != nil {
		t.Errorf("%+v", s)
	}
	if got := New(nil).String("text"); got != "text" {
		t.Error(got)
	}
}

// model masks a whole text in the plainest way.
func model(patterns []string, text string) string {
	covered, begins := make([]bool, len(text)), make([]bool, len(text)+1)
	end := 0
	for at := range text {
		longest := 0
		for _, p := range patterns {
			if strings.HasPrefix(text[at:], p) {
				longest = max(longest, len(p))
			}
		}
		if at+longest > end && longest > 0 {
			begins[at] = at >= end
			end = at + longest
		}
		covered[at] = at < end
	}
	var out strings.Builder
	for at := range len(text) {
		if begins[at] {
			out.WriteString(Replacement)
		}
		if !covered[at] {
			out.WriteByte(text[at])
		}
	}
	return out.String()
}

// However a text is cut into writes, the same comes out, and it is what the
// plainest search gives.
func TestRandomSplits(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		letters := "ab="
		if seed%3 == 0 {
			letters = "abcXYZ01\n =/%"
		}
		word := func(n int) string {
			var b strings.Builder
			for range n {
				b.WriteByte(letters[r.IntN(len(letters))])
			}
			return b.String()
		}
		var values []string
		for range 1 + r.IntN(4) {
			values = append(values, word(3+r.IntN(12)))
		}
		set := New(values)
		if set == nil {
			continue
		}
		var text strings.Builder
		for range r.IntN(30) {
			p := set.patterns[r.IntN(len(set.patterns))]
			text.WriteString(word(r.IntN(4)))
			text.WriteString(p[:r.IntN(len(p)+1)]) // at times the beginning only
			if r.IntN(2) == 0 {
				text.WriteString(p)
			}
		}
		want := model(set.patterns, text.String())
		var out bytes.Buffer
		w := set.Writer(&out)
		w.idle = time.Hour
		for rest := text.String(); rest != ""; {
			n := 1 + r.IntN(min(len(rest), 1+r.IntN(40)))
			if _, err := w.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil || out.String() != want {
			t.Fatalf("seed %d: values %q\ntext %q\n got %q\nwant %q", seed, values, text.String(), out.String(), want)
		}
	}
}

// buffer is a log that a test reads while it is written.
type buffer struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.String()
}

func TestLive(t *testing.T) {
	var log buffer
	w := New([]string{"hunter2!"}).Writer(&log)
	w.idle = time.Millisecond
	put := func(text, want string) {
		t.Helper()
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(20 * time.Second); log.String() != want; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("after %q the log is %q, want %q", text, log.String(), want)
			}
		}
	}
	put("a whole line\n", "a whole line\n")
	put("hun", "a whole line\nhun")                         // tells nothing, so nobody waits for it
	put("ter2!\n", "a whole line\nhun***\n")                // and what comes late is masked
	put("42%", "a whole line\nhun***\n42%")                 // a prompt, a progress bar
	put("hunter2!", "a whole line\nhun***\n42%***")         // at once, without a line end
	put("hunter", "a whole line\nhun***\n42%***")           // stays back however long it takes
	put("ess\n", "a whole line\nhun***\n42%***hunteress\n") // until it is no value
	put("hunter2", "a whole line\nhun***\n42%***hunteress\n")
	if err := w.Close(); err != nil || !strings.HasSuffix(log.String(), "\nhunter2") {
		t.Errorf("the end of the log is lost: %v %q", err, log.String())
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteError(t *testing.T) {
	if _, err := New([]string{"hunter2"}).Writer(broken{}).Write([]byte("x")); err == nil {
		t.Error("no error")
	}
}

// A Secret may have 1 MiB, and the step's memory limit is the user's.
func TestLargeSecret(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	raw := make([]byte, 3<<18)
	for i := range raw {
		raw[i] = byte(r.Uint32())
	}
	pem := base64.StdEncoding.EncodeToString(raw)
	began := time.Now()
	set := New([]string{pem, string(raw)})
	t.Logf("%d patterns after %s", len(set.patterns), time.Since(began))
	if got := set.String("a " + pem + " b"); strings.Trim(got, "*") != "a "+strings.Trim(got[2:], "*") && len(got) > 5000 {
		t.Errorf("%d bytes: %.60q", len(got), got)
	}
}

func BenchmarkWriter(b *testing.B) {
	r := rand.New(rand.NewPCG(3, 3))
	secret := func(n int) string {
		raw := make([]byte, n)
		for i := range raw {
			raw[i] = byte(r.Uint32())
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	few := []string{secret(24), secret(32), "postgres://app:" + secret(12) + "@db.example.com:5432/app?sslmode=require"}
	many := append([]string{}, few...)
	for range 100 {
		many = append(many, secret(8+r.IntN(60)))
	}
	key := "-----BEGIN PRIVATE KEY-----\n"
	for range 26 {
		key += secret(48) + "\n"
	}
	many = append(many, key)
	var log, full strings.Builder
	for i := range 5000 {
		line := fmt.Sprintf("2026-11-20T14:%02d:%02d.123Z INFO  step=%d GET https://example.com/api/v1/things/%d?x=%d 200 %s\n", i/60%60, i%60, i, i*7, i*i, "ok, the quick brown fox jumps over the lazy dog")
		log.WriteString(line)
		full.WriteString(line[:40] + few[i%3] + " " + base64.StdEncoding.EncodeToString([]byte(few[i%3])) + "\n")
	}
	for _, bc := range []struct {
		name    string
		values  []string
		text    string
		perCall int
	}{
		{"log", few, log.String(), 32 << 10},
		{"log-100-secrets", many, log.String(), 32 << 10},
		{"log-line-by-line", many, log.String(), 110},
		{"secrets-in-every-line", many, full.String(), 32 << 10},
		{"base64", many, secret(1 << 20), 32 << 10},
		{"beginnings-of-secrets", append(many, strings.Repeat("a", 60)+"b"), strings.Repeat("a", 1<<20), 32 << 10},
	} {
		b.Run(bc.name, func(b *testing.B) {
			w := New(bc.values).Writer(io.Discard)
			text := []byte(bc.text)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				for rest := text; len(rest) > 0; {
					n := min(len(rest), bc.perCall)
					_, _ = w.Write(rest[:n])
					rest = rest[n:]
				}
			}
		})
	}
}
