package kaniko

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/osscontainertools/kaniko/pkg/constants"
)

// withFileTimes returns the image with every file in the layers of this build at the given time. Layers of the base image
// stay as they are, so that they are still shared. Layers are streamed, never held: memory does not grow with their size.
func withFileTimes(img v1.Image, at time.Time) (v1.Image, error) {
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	first := len(layers) - built(config.History)
	var all []mutate.Addendum
	for i, layer := range layers {
		kind, err := layer.MediaType()
		if err != nil {
			return nil, err
		}
		if i >= first {
			if layer, err = tarball.LayerFromOpener(retimed(layer, at), tarball.WithMediaType(kind)); err != nil {
				return nil, err
			}
		}
		all = append(all, mutate.Addendum{Layer: layer, MediaType: kind})
	}
	return replaceLayers(img, config, all)
}

// built counts the layers this build added: those whose history names Kaniko as its author.
func built(history []v1.History) int {
	n := 0
	for _, h := range history {
		if h.Author == constants.Author && !h.EmptyLayer {
			n++
		}
	}
	return n
}

// replaceLayers is an image of these layers with the configuration, history and media types of img.
func replaceLayers(img v1.Image, config *v1.ConfigFile, layers []mutate.Addendum) (v1.Image, error) {
	manifest, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	out := mutate.ConfigMediaType(mutate.MediaType(empty.Image, manifest.MediaType), manifest.Config.MediaType)
	if out, err = mutate.Append(out, layers...); err != nil {
		return nil, err
	}
	stacked, err := out.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.RootFS = stacked.RootFS
	return mutate.ConfigFile(out, config)
}

// retimed opens the layer's tar with every header at the given time.
func retimed(layer v1.Layer, at time.Time) tarball.Opener {
	return func() (io.ReadCloser, error) {
		source, err := layer.Uncompressed()
		if err != nil {
			return nil, err
		}
		out, in := io.Pipe()
		go func() {
			defer source.Close()
			in.CloseWithError(retime(in, source, at))
		}()
		return out, nil
	}
}

func retime(out io.Writer, in io.Reader, at time.Time) error {
	reader, writer := tar.NewReader(in), tar.NewWriter(out)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return writer.Close()
		}
		if err != nil {
			return fmt.Errorf("read layer: %w", err)
		}
		header.ModTime, header.AccessTime, header.ChangeTime = at, time.Time{}, time.Time{}
		delete(header.PAXRecords, "mtime")
		delete(header.PAXRecords, "atime")
		delete(header.PAXRecords, "ctime")
		if err := writer.WriteHeader(header); err != nil {
			return fmt.Errorf("write layer: %w", err)
		}
		if _, err := io.Copy(writer, reader); err != nil {
			return fmt.Errorf("write layer: %w", err)
		}
	}
}
