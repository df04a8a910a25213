package mask

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
)

// Common are values that are no secret by themselves and stand in every log.
var Common = []string{"true", "false", "null", "none", "default", "localhost", "root", "admin", "user", "http", "https"}

const (
	// maxDerived is the largest value, in bytes, of which all forms are made: they
	// take dozens of times its size.
	maxDerived = 64 << 10
	// minWrapped is the least that is looked for of a line of base64.
	minWrapped = 8
)

// wraps are the widths at which tools break base64: coreutils and MIME, and
// openssl and PEM.
var wraps = []int{76, 64}

// forms returns the patterns for a value.
func forms(value string) []string {
	var out []string
	derived := len(value) <= maxDerived
	parts := lines(value)
	for _, line := range parts {
		out = append(out, line)
		if derived {
			out = append(out, escaped(line)...)
			out = append(out, encoded(line)...)
		}
	}
	if len(parts) == 0 && maskable(value) {
		out = append(out, value) // of short lines, which are masked together only
	}
	if strings.Contains(value, "\n") && maskable(value) {
		out = append(out, encoded(value)...)
	}
	if derived && maskable(value) {
		out = append(out, wrapped(value)...)
	}
	return cut(out)
}

// lines are those of a value that are worth masking, without space around them.
func lines(value string) []string {
	var out []string
	for line := range strings.SplitSeq(value, "\n") {
		if line = strings.TrimSpace(line); maskable(line) {
			out = append(out, line)
		}
	}
	return out
}

func maskable(text string) bool {
	return len(text) >= block && strings.Trim(text, text[:1]) != "" && !slices.Contains(Common, strings.ToLower(text))
}

// cut divides what is too long into pieces; the last overlaps the one before it.
func cut(patterns []string) []string {
	var out []string
	for _, p := range patterns {
		for ; len(p) > maxPattern; p = p[min(maxPattern, len(p)-maxPattern):] {
			out = append(out, p[:maxPattern])
		}
		out = append(out, p)
	}
	return out
}

// encoded is the text in base64, as it stands alone or within what was encoded
// together with it: of each of the three ways to fall on groups of 3 bytes, the
// characters that do not depend on what is before, and with or without those
// that depend on what comes after.
func encoded(text string) []string {
	var out []string
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		for before := range 3 {
			skip := (before*8 + 5) / 6
			bits := (before + len(text)) * 8
			all := enc.EncodeToString(append(make([]byte, before), text...))
			out = append(out, all[skip:bits/6])
			if bits%6 != 0 {
				out = append(out, all[skip:bits/6+1], all[skip:])
			}
		}
	}
	return out
}

// wrapped is the text in base64 that a tool has broken into lines.
func wrapped(text string) []string {
	var out []string
	all := base64.RawStdEncoding.EncodeToString([]byte(text))
	all = all[:len(text)*8/6] // a last character that depends on what follows may be another
	for _, width := range wraps {
		if len(all) <= width {
			continue
		}
		for chunk := range slices.Chunk([]byte(all), width) {
			if len(chunk) >= minWrapped {
				out = append(out, string(chunk))
			}
		}
	}
	return out
}

// unescaped lists what the common functions leave as it is in a URL besides
// letters, digits and -._~ : RFC 3986 and curl; JavaScript's encodeURIComponent and encodeURI;
// Go's PathEscape; Python's quote.
var unescaped = []string{"", "!'()*", "!'()*;,/?:@&=+$#", "$&+=:@", "/"}

// escaped is the text as URLs, JSON and shells write it, where that differs.
func escaped(text string) []string {
	var out []string
	for _, leave := range unescaped {
		for _, hex := range []string{"0123456789ABCDEF", "0123456789abcdef"} {
			form := percent(text, leave, hex)
			out = append(out, form, strings.ReplaceAll(form, "%20", "+"))
		}
	}
	var plain bytes.Buffer
	enc := json.NewEncoder(&plain)
	enc.SetEscapeHTML(false)
	if enc.Encode(text) == nil {
		out = append(out, plain.String()[1:plain.Len()-2])
	}
	if html, err := json.Marshal(text); err == nil {
		out = append(out, string(html[1:len(html)-1]))
	}
	return append(out, strings.ReplaceAll(text, `'`, `'\''`), strings.ReplaceAll(text, `'`, `'"'"'`))
}

func percent(text, leave, hex string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~"+leave, c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}
