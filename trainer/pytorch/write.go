package pytorch

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
	"strconv"

	"github.com/symdiff-go/symdiff/core/safetensors"
)

// Write writes tensors as float32 in the zip format of PyTorch, an OrderedDict in the given order.
func Write(w io.Writer, tensors []safetensors.Tensor) error {
	z := zip.NewWriter(w)
	if err := store(z, "archive/data.pkl", pickled(tensors)); err != nil {
		return err
	}
	for i, t := range tensors {
		b := make([]byte, 0, 4*len(t.Data))
		for _, v := range t.Data {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		if err := store(z, "archive/data/"+strconv.Itoa(i), b); err != nil {
			return err
		}
	}
	if err := store(z, "archive/version", []byte("3\n")); err != nil {
		return err
	}
	return z.Close()
}

// store adds a file as it is, with its size in front of it.
func store(z *zip.Writer, name string, b []byte) error {
	w, err := z.CreateRaw(&zip.FileHeader{
		Name: name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(b), CompressedSize64: uint64(len(b)),
		UncompressedSize64: uint64(len(b)),
	})
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

// pickled is the program that builds the dictionary, in protocol 2.
func pickled(tensors []safetensors.Tensor) []byte {
	var b bytes.Buffer
	text := func(s string) {
		b.WriteByte('X')
		b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(s))))
		b.WriteString(s)
	}
	number := func(n int) {
		if n <= math.MaxInt32 {
			b.Write(binary.LittleEndian.AppendUint32([]byte{'J'}, uint32(n)))
			return
		}
		b.Write(binary.LittleEndian.AppendUint64([]byte{'\x8a', 9}, uint64(n)))
		b.WriteByte(0)
	}
	tuple := func(list []int) {
		b.WriteByte('(')
		for _, n := range list {
			number(n)
		}
		b.WriteByte('t')
	}
	const ordered = "ccollections\nOrderedDict\n)R"
	b.WriteString("\x80\x02" + ordered + "(")
	for i, t := range tensors {
		text(t.Name)
		b.WriteString("ctorch._utils\n_rebuild_tensor_v2\n((")
		text("storage")
		b.WriteString("ctorch\nFloatStorage\n")
		text(strconv.Itoa(i))
		text("cpu")
		number(len(t.Data))
		b.WriteString("tQ")
		number(0)
		tuple(t.Shape)
		tuple(strides(t.Shape))
		b.WriteString("\x89" + ordered + "tR")
	}
	b.WriteString("u.")
	return b.Bytes()
}

// strides are those of a row-major tensor.
func strides(shape []int) []int {
	s, n := make([]int, len(shape)), 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= max(shape[i], 1)
	}
	return s
}
