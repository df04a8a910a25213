package compat

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// A Row says of one feature whether it is supported.
type Row struct {
	ID, Supported, Proof string
}

// Page is docs/compatibility.md as far as it can be wrong.
type Page struct {
	Rows []Row
	// Excused are the fields without a test, with the reason.
	Excused map[Field]string
	// Promised are the ids that the headings say there are.
	Promised []string
}

var (
	heading = regexp.MustCompile(`^## ([A-Z])\. .*\(([A-Z])1 to ([A-Z])(\d+)\)$`)
	row     = regexp.MustCompile(`^\| ([A-Z]\d+) \|`)
	excuse  = regexp.MustCompile(`^\| ((?:v1|v1alpha1|v1beta1|pod|value)\.\w+\.\w+) \| (.*) \|$`)
)

// ReadPage reads the page.
func ReadPage(text string) (*Page, error) {
	p := &Page{Excused: map[Field]string{}}
	for line := range strings.SplitSeq(text, "\n") {
		if m := heading.FindStringSubmatch(line); m != nil {
			last, err := strconv.Atoi(m[4])
			if err != nil || m[1] != m[2] || m[1] != m[3] {
				return nil, fmt.Errorf("heading %q: the group and its ids do not agree", line)
			}
			for i := range last {
				p.Promised = append(p.Promised, fmt.Sprintf("%s%d", m[1], i+1))
			}
		}
		if row.MatchString(line) {
			cells := strings.Split(strings.Trim(line, "| "), " | ")
			if len(cells) == 3 && strings.HasSuffix(line, "| |") {
				cells = append(cells, "")
			}
			if len(cells) != 4 {
				return nil, fmt.Errorf("row %q: %d cells, want 4", line, len(cells))
			}
			p.Rows = append(p.Rows, Row{cells[0], strings.TrimRight(cells[2], " |"), cells[3]})
		}
		if m := excuse.FindStringSubmatch(line); m != nil {
			p.Excused[Field(m[1])] = m[2]
		}
	}
	return p, nil
}

// Check returns what is wrong with the rows. root is that of the source.
func (p *Page) Check(root string) (wrong []string) {
	for i, r := range p.Rows {
		if i >= len(p.Promised) || p.Promised[i] != r.ID {
			return append(wrong, fmt.Sprintf("%s is not the row that follows here by the headings", r.ID))
		}
		wrong = append(wrong, r.check(root)...)
	}
	if len(p.Rows) < len(p.Promised) {
		wrong = append(wrong, fmt.Sprintf("%s has no row", p.Promised[len(p.Rows)]))
	}
	return wrong
}

var inTicks = regexp.MustCompile("`([^`]+)`")

func (r Row) check(root string) (wrong []string) {
	word, rest, _ := strings.Cut(r.Supported, ":")
	verdict, _, _ := strings.Cut(strings.Trim(word, " ,;"), " ")
	verdict = strings.Trim(verdict, ",;")
	proofs := inTicks.FindAllStringSubmatch(r.Proof, -1)
	switch verdict {
	case "yes":
	case "no", "partly", "differs":
		if strings.TrimSpace(rest) == "" {
			wrong = append(wrong, fmt.Sprintf("%s: %s needs a reason", r.ID, verdict))
		}
	default:
		return append(wrong, fmt.Sprintf("%s: %q is none of yes, partly, differs and no", r.ID, verdict))
	}
	if verdict != "no" && len(proofs) == 0 {
		wrong = append(wrong, fmt.Sprintf("%s: %s needs a test", r.ID, verdict))
	}
	for _, proof := range proofs {
		if err := exists(root, proof[1]); err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %v", r.ID, err))
		}
	}
	return wrong
}

// exists finds a test: a file or folder, or "FOLDER TestName" or "FOLDER TestName/case".
// A case is a text in the folder's tests, or the beginning of a file's name in its
// testdata.
func exists(root, proof string) error {
	folder, name, isTest := strings.Cut(proof, " ")
	if !isTest {
		if _, err := os.Stat(filepath.Join(root, folder)); err != nil {
			return fmt.Errorf("%s does not exist", folder)
		}
		return nil
	}
	name, part, _ := strings.Cut(name, "/")
	var all strings.Builder
	files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		all.Write(text)
	}
	if !strings.Contains(all.String(), "\nfunc "+name+"(t *testing.T) {") {
		return fmt.Errorf("%s has no test %s", folder, name)
	}
	if part == "" || strings.Contains(all.String(), strconv.Quote(part)) {
		return nil
	}
	if data, err := filepath.Glob(filepath.Join(root, folder, "testdata", part+".*")); err == nil && len(data) > 0 {
		return nil
	}
	return fmt.Errorf("%s %s has no case %q", folder, name, part)
}

// Untested returns the fields that neither a test uses nor the page excuses, and the
// excuses that none needs.
func (p *Page) Untested(fields []Field, uses Uses) (wrong []string) {
	known := map[Field]bool{}
	for _, f := range fields {
		known[f] = true
		reason, excused := p.Excused[f]
		switch {
		case uses[f] && excused:
			wrong = append(wrong, fmt.Sprintf("%s is used by a test: remove its row", f))
		case !uses[f] && !excused:
			wrong = append(wrong, fmt.Sprintf("%s: no test uses it, and no row says why", f))
		case excused && strings.TrimSpace(reason) == "":
			wrong = append(wrong, fmt.Sprintf("%s: its row gives no reason", f))
		}
	}
	for f := range p.Excused {
		if !known[f] {
			wrong = append(wrong, fmt.Sprintf("%s: there is no such field", f))
		}
	}
	return wrong
}
