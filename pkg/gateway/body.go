package gateway

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
)

var errNoRoom = errors.New("no room for the body")

// room bounds what the bodies that are being read take together. It is taken as the
// bytes come: who only says that many will come takes none.
type room struct{ left atomic.Int64 }

func newRoom(size int64) *room {
	r := &room{}
	r.left.Store(size)
	return r
}

// chunk is how much room is taken at a time.
const chunk = 64 << 10

// read reads the body of a request. The caller calls release when it needs it no
// more, also after an error.
func (m *room) read(w http.ResponseWriter, r *http.Request) (body []byte, release func(), err error) {
	var taken int64
	release = func() { m.left.Add(taken) }
	if r.ContentLength > maxBody {
		return nil, release, &http.MaxBytesError{Limit: maxBody}
	}
	from := http.MaxBytesReader(w, r.Body, maxBody)
	var all bytes.Buffer
	for {
		if m.left.Add(-chunk) < 0 {
			m.left.Add(chunk)
			return nil, release, errNoRoom
		}
		taken += chunk
		switch _, err := io.CopyN(&all, from, chunk); {
		case errors.Is(err, io.EOF):
			return all.Bytes(), release, nil
		case err != nil:
			return nil, release, err
		}
	}
}
