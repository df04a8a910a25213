package list

import (
	"io"
	"strings"

	"k8s.io/cli-runtime/pkg/printers"
)

// write prints the table. Only the last column may be coloured: the others are measured.
func (t *table) write(w io.Writer) error {
	header := t.header
	if t.namespaces {
		header = append([]string{"NAMESPACE"}, header...)
	}
	tw := printers.GetNewTabWriter(w)
	for _, row := range append([][]string{header}, t.rows...) {
		if _, err := io.WriteString(tw, strings.Join(row, "\t")+"\n"); err != nil {
			return err
		}
	}
	return tw.Flush()
}
