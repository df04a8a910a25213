package trigger

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

// templates are the {{ x }} of the files. Before a file is read each gives way to a
// mark that no YAML rule touches, and values are put into the strings that were
// read: no value can become a key, a list or another document.
type templates struct {
	// mark begins the placeholders; no file has it.
	mark string
	// texts are the templates by the number in their placeholder, whole with their braces.
	texts []string
}

// template is what Pipelines-as-Code takes for one.
var template = regexp.MustCompile(`\{\{([^{}\n]{2,})\}\}`)

// Hide returns a file as Read reads it, with a word in the place of each {{ x }}, and what
// puts them back into a text that was made of it. Lines stay where they are.
func Hide(data []byte) (hidden []byte, restore func(string) string) {
	t := &templates{mark: unusedMark(map[string][]byte{"": data})}
	return t.hide(data), t.restore
}

// unusedMark is a text that no file contains. It has the characters of a name, as
// templates stand in names too.
func unusedMark(files map[string][]byte) string {
	mark := "slipwaytpl"
	for _, data := range files {
		for bytes.Contains(data, []byte(mark)) {
			mark += "x"
		}
	}
	return mark
}

// hide replaces the templates of a file by placeholders. Lines stay where they are.
func (t *templates) hide(data []byte) []byte {
	return template.ReplaceAllFunc(data, func(text []byte) []byte {
		t.texts = append(t.texts, string(text))
		return []byte(t.mark + strconv.Itoa(len(t.texts)-1) + "z")
	})
}

// in reports whether a text has templates.
func (t *templates) in(s string) bool { return t.mark != "" && strings.Contains(s, t.mark) }

// replace puts the answers for its templates into a text. Each gets the
// template as it stands in the file.
func (t *templates) replace(s string, answer func(text string) string) string {
	if !t.in(s) {
		return s
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, t.mark)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		number, after, ended := strings.Cut(rest, "z")
		i, err := strconv.Atoi(number)
		if !ended || err != nil || i >= len(t.texts) {
			// Something cut the placeholder: what is left of it says nothing.
			b.WriteString(t.mark)
			s = rest
			continue
		}
		b.WriteString(answer(t.texts[i]))
		s = after
	}
}

// restore is the text as it stands in the file.
func (t *templates) restore(s string) string {
	return t.replace(s, func(text string) string { return text })
}
