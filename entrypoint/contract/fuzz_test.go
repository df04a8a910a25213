package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// What the entrypoint takes for its arguments is what the compiler would write.
func FuzzParse(f *testing.F) {
	for _, s := range []Step{fullStep(), laterStep()} {
		f.Add(strings.Join(s.Args(), "\x00"))
	}
	f.Fuzz(func(t *testing.T, joined string) {
		s, err := Parse(strings.Split(joined, "\x00"))
		if err != nil {
			return
		}
		again, err := Parse(expandAll(s.Args()[:len(s.Args())-len(s.Command)], nil))
		if err != nil {
			t.Fatal(err)
		}
		again.Command = s.Command
		a, _ := json.Marshal(s)
		b, _ := json.Marshal(again)
		if !bytes.Equal(a, b) || again.Script != s.Script {
			t.Fatalf("%s\n%s", a, b)
		}
	})
}

// Whatever stands in a termination message and a log, it is read or refused.
func FuzzDecode(f *testing.F) {
	for _, limit := range []int{96, 300, 4096} {
		text, log := fullMessage().Encode(limit)
		f.Add(text, log)
	}
	f.Fuzz(func(t *testing.T, text, log []byte) {
		m, err := Decode(text)
		if err == nil {
			m, err = Collect(bytes.NewReader(log), m)
		}
		if err == nil {
			if again, _ := m.Encode(1 << 20); len(again) == 0 {
				t.Fatal("what was read cannot be written")
			}
			for _, r := range append(m.Results, m.StepResults...) {
				_ = r.Validate()
			}
		}
		if rest := StripResult(log); !bytes.HasPrefix(log, rest) {
			t.Fatal("StripResult invents text")
		}
		_, _ = DecodeMark(text)
	})
}

// Whatever a process writes around the lines of its results, they are found, or
// missed; they are never others.
func FuzzCollect(f *testing.F) {
	f.Add([]byte("hello\nno line end"), []byte("late\n"), uint16(3000))
	f.Add([]byte("::slipway:result:AAAAAAAAAAAA:1/1:eA==\n"), []byte("::slipway:result:"), uint16(1))
	f.Fuzz(func(t *testing.T, before, between []byte, results uint16) {
		m := fullMessage()
		for i := range results % 500 {
			m.Results = append(m.Results, Result{Name: fmt.Sprint("r", i), Value: fmt.Sprint(int(i) * int(i))})
		}
		text, lines := m.Encode(MinMessage)
		ref, err := Decode(text)
		if err != nil {
			t.Fatal(err)
		}
		log := bytes.Clone(before)
		for line := range bytes.Lines(lines) {
			log = append(append(log, line...), between...)
		}
		got, err := Collect(bytes.NewReader(log), ref)
		switch {
		case err == nil && !reflect.DeepEqual(got, m):
			t.Fatalf("read %+v, written %+v", got, m)
		case err != nil && !bytes.Contains(append(before, between...), []byte(":")):
			t.Fatalf("nothing of the noise looks like a result, yet: %v", err)
		}
	})
}
