package train

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"time"
)

// eventFile is a TensorBoard event file: records of
//
//	length (8 bytes), masked CRC-32C of it (4), a protocol buffer Event, masked CRC-32C of that (4)
//
// little-endian. Event: 1 wall_time double, 2 step int64, 3 file_version string, 5 summary, 7
// session_log (tensorflow/core/util/ event.proto); Summary: 1 value; Value: 1 tag string, 2
// simple_value float (summary.proto).
type eventFile struct{ file *os.File }

// createEvents makes an event file in folder.
func createEvents(folder string, now time.Time) (*eventFile, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	name := fmt.Sprintf("events.out.tfevents.%d.%s.%d", now.Unix(), host, os.Getpid())
	f, err := os.Create(filepath.Join(folder, name))
	if err != nil {
		return nil, err
	}
	return &eventFile{f}, nil
}

// start writes the head of the file. A viewer forgets what earlier files there say of steps after
// step.
func (e *eventFile) start(step int, now time.Time) error {
	version := protoBytes(protoTime(nil, now), 3, []byte("brain.Event:2"))
	const started = 1
	session := protoBytes(protoVarint(protoTime(nil, now), 2, uint64(step)), 7,
		protoVarint(nil, 1, started))
	if err := e.record(version); err != nil {
		return err
	}
	return e.record(session)
}

// scalar writes a value under a tag.
func (e *eventFile) scalar(now time.Time, step int, tag string, v float64) error {
	value := protoBytes(nil, 1, []byte(tag))
	value = binary.LittleEndian.AppendUint32(append(value, 2<<3|5), math.Float32bits(float32(v)))
	return e.record(protoBytes(protoVarint(protoTime(nil, now), 2, uint64(step)), 5,
		protoBytes(nil, 1, value)))
}

func (e *eventFile) record(data []byte) error {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	b = binary.LittleEndian.AppendUint32(b, maskedCRC(b))
	b = append(b, data...)
	b = binary.LittleEndian.AppendUint32(b, maskedCRC(data))
	_, err := e.file.Write(b)
	return err
}

func maskedCRC(b []byte) uint32 {
	c := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
	return (c>>15 | c<<17) + 0xa282ead8
}

// protoTime appends field 1, the seconds of a time.
func protoTime(b []byte, t time.Time) []byte {
	return binary.LittleEndian.AppendUint64(append(b, 1<<3|1),
		math.Float64bits(float64(t.UnixNano())/1e9))
}

func protoVarint(b []byte, field int, v uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(field)<<3), v)
}

func protoBytes(b []byte, field int, v []byte) []byte {
	return append(binary.AppendUvarint(binary.AppendUvarint(b, uint64(field)<<3|2), uint64(len(v))),
		v...)
}
