package pytorch

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/symdiff-go/symdiff/core/budget"
)

// What a pickle can hold, beside nil, bool, int64, *big.Int, float64, string and []byte.
type (
	// List is a list or a set.
	List struct{ Items []any }
	// Tuple is a tuple.
	Tuple []any
	// Dict is a dictionary, its keys in order.
	Dict struct {
		Keys, Values []any
	}
	// Global is a class or function: its name, no more.
	Global struct{ Module, Name string }
	// Object is an instance of a class or a call of a function that was not made.
	Object struct {
		Class Global
		Args  Tuple
		State any
	}
)

// Get is the value of a text key; ok is false where there is none.
func (d *Dict) Get(key string) (v any, ok bool) {
	for i, k := range d.Keys {
		if k == key {
			v, ok = d.Values[i], true // the last one counts
		}
	}
	return v, ok
}

func (g Global) String() string { return g.Module + "." + g.Name }

// machine is the stack machine of a pickle.
type machine struct {
	r     *bufio.Reader
	stack []any
	marks []int // sizes of the stack
	memo  map[uint64]any

	budget *budget.Budget // of what the values take; nil: none

	persistent func(id any) (any, error)                   // what a persistent id stands for
	call       func(class Global, args Tuple) (any, error) // the value of a call or an instance
}

var errTruncated = errors.New("pickle: truncated")

// A pickle describes tensors and settings: it is small. Each instruction counts as
// perInstruction bytes, each value that goes into a container as perItem.
const (
	maxPickle      = 1 << 26
	perInstruction = 64
	perItem        = 32
)

// newMachine reads pickles from r.
func newMachine(r io.Reader) *machine {
	return &machine{r: bufio.NewReaderSize(r, 1<<16), budget: budget.New("pickle", maxPickle, 0)}
}

// unpickle reads one pickle.
func (m *machine) unpickle() (any, error) {
	m.stack, m.marks, m.memo = nil, nil, map[uint64]any{}
	m.budget.Renew()
	for {
		op, err := m.r.ReadByte()
		if err != nil {
			return nil, errTruncated
		}
		if op == '.' {
			return m.pop()
		}
		if err := m.budget.Spend(perInstruction); err != nil {
			return nil, err
		}
		if err := m.do(op); err != nil {
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				err = errTruncated
			}
			return nil, err
		}
	}
}

func (m *machine) push(v any) error {
	m.stack = append(m.stack, v)
	return nil
}

func (m *machine) pop() (any, error) {
	low := 0
	if len(m.marks) > 0 {
		low = m.marks[len(m.marks)-1]
	}
	if len(m.stack) <= low {
		return nil, errors.New("pickle: stack is empty")
	}
	v := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	return v, nil
}

func (m *machine) top() (any, error) {
	if len(m.stack) == 0 {
		return nil, errors.New("pickle: stack is empty")
	}
	return m.stack[len(m.stack)-1], nil
}

// popMark takes what is above the last mark.
func (m *machine) popMark() ([]any, error) {
	if len(m.marks) == 0 {
		return nil, errors.New("pickle: no mark")
	}
	at := m.marks[len(m.marks)-1]
	m.marks = m.marks[:len(m.marks)-1]
	if at > len(m.stack) {
		return nil, errors.New("pickle: the mark is above the stack")
	}
	if err := m.budget.Spend(int64(perItem * (len(m.stack) - at))); err != nil {
		return nil, err
	}
	items := append([]any(nil), m.stack[at:]...)
	m.stack = m.stack[:at]
	return items, nil
}

// bytes reads n bytes, however many a damaged file says there are: memory is taken as they come.
func (m *machine) bytes(n uint64) ([]byte, error) {
	if n > math.MaxInt32 {
		return nil, fmt.Errorf("pickle: %d bytes in one value", n)
	}
	if err := m.budget.Spend(int64(n)); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if _, err := io.CopyN(&b, m.r, int64(n)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (m *machine) number(size int) (uint64, error) {
	var b [8]byte
	if _, err := io.ReadFull(m.r, b[:size]); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b[:]), nil
}

func (m *machine) line() (string, error) {
	s, err := m.budget.ReadLine(m.r, nil)
	if !strings.HasSuffix(string(s), "\n") && err == nil {
		err = io.EOF
	}
	return strings.TrimSuffix(string(s), "\n"), err
}

// do carries out one instruction (pickletools.py has the list).
func (m *machine) do(op byte) error {
	switch op {
	case '\x80': // PROTO
		v, err := m.r.ReadByte()
		if err == nil && v > 5 {
			err = fmt.Errorf("pickle: protocol %d", v)
		}
		return err
	case '\x95': // FRAME
		_, err := m.number(8)
		return err
	case '(':
		m.marks = append(m.marks, len(m.stack))
		return nil
	case '0':
		_, err := m.pop()
		return err
	case '1':
		_, err := m.popMark()
		return err
	case '2':
		v, err := m.top()
		if err != nil {
			return err
		}
		return m.push(v)
	case 'N':
		return m.push(nil)
	case '\x88', '\x89':
		return m.push(op == '\x88')
	case 'K', 'M', 'J', 'I', 'L', '\x8a', '\x8b', 'G', 'F':
		return m.doNumber(op)
	case 'X', '\x8c', '\x8d', 'V', 'U', 'T', 'S', 'B', 'C', '\x8e':
		return m.doText(op)
	case ']':
		return m.push(&List{})
	case '\x8f':
		return m.push(&List{})
	case '}':
		return m.push(&Dict{})
	case ')':
		return m.push(Tuple{})
	case 'l', 'd', 't', '\x91', '\x85', '\x86', '\x87', 'a', 'e', '\x90', 's', 'u':
		return m.doContainer(op)
	case 'p', 'q', 'r', '\x94', 'g', 'h', 'j':
		return m.doMemo(op)
	case 'c', '\x93', 'R', '\x81', '\x92', 'b', 'P', 'Q':
		return m.doObject(op)
	}
	return fmt.Errorf("pickle: instruction %#02x is not among those of a checkpoint", op)
}

func (m *machine) doNumber(op byte) error {
	switch op {
	case 'K', 'M', 'J':
		size := map[byte]int{'K': 1, 'M': 2, 'J': 4}[op]
		n, err := m.number(size)
		if err != nil {
			return err
		}
		if op == 'J' {
			return m.push(int64(int32(n)))
		}
		return m.push(int64(n))
	case 'G':
		var b [8]byte
		if _, err := io.ReadFull(m.r, b[:]); err != nil {
			return err
		}
		return m.push(math.Float64frombits(binary.BigEndian.Uint64(b[:])))
	case '\x8a', '\x8b':
		size := map[byte]int{'\x8a': 1, '\x8b': 4}[op]
		n, err := m.number(size)
		if err != nil {
			return err
		}
		b, err := m.bytes(n)
		if err != nil {
			return err
		}
		return m.push(long(b))
	}
	text, err := m.line()
	if err != nil {
		return err
	}
	switch {
	case op == 'I' && (text == "00" || text == "01"):
		return m.push(text == "01")
	case op == 'F':
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("pickle: %q is no number", text)
		}
		return m.push(v)
	}
	v, err := strconv.ParseInt(strings.TrimSuffix(text, "L"), 10, 64)
	if err != nil {
		return fmt.Errorf("pickle: %q is no whole number", text)
	}
	return m.push(v)
}

// long is a two's complement number, little-endian.
func long(b []byte) any {
	if len(b) <= 8 {
		var full [8]byte
		if len(b) > 0 && b[len(b)-1] >= 0x80 {
			for i := range full {
				full[i] = 0xff
			}
		}
		copy(full[:], b)
		return int64(binary.LittleEndian.Uint64(full[:]))
	}
	reversed := make([]byte, len(b))
	for i, v := range b {
		reversed[len(b)-1-i] = v
	}
	n := new(big.Int).SetBytes(reversed)
	if b[len(b)-1] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}

func (m *machine) doText(op byte) error {
	if op == 'V' || op == 'S' {
		text, err := m.line()
		if err != nil {
			return err
		}
		if op == 'S' {
			if len(text) < 2 || text[0] != text[len(text)-1] || text[0] != '\'' && text[0] != '"' {
				return fmt.Errorf("pickle: %q is no quoted text", text)
			}
			text = text[1 : len(text)-1]
		}
		return m.push(text)
	}
	size := map[byte]int{'X': 4, '\x8c': 1, '\x8d': 8, 'U': 1, 'T': 4, 'B': 4, 'C': 1, '\x8e': 8}[op]
	n, err := m.number(size)
	if err != nil {
		return err
	}
	b, err := m.bytes(n)
	if err != nil {
		return err
	}
	if op == 'B' || op == 'C' || op == '\x8e' {
		return m.push(b)
	}
	return m.push(string(b))
}

func (m *machine) doContainer(op byte) error {
	switch op {
	case '\x85', '\x86', '\x87':
		t := make(Tuple, op-'\x84')
		for i := len(t) - 1; i >= 0; i-- {
			var err error
			if t[i], err = m.pop(); err != nil {
				return err
			}
		}
		return m.push(t)
	case 'a', 's':
		v, err := m.pop()
		if err != nil {
			return err
		}
		if op == 'a' {
			return m.extend([]any{v})
		}
		k, err := m.pop()
		if err != nil {
			return err
		}
		return m.fill([]any{k, v})
	}
	items, err := m.popMark()
	if err != nil {
		return err
	}
	switch op {
	case 'l', '\x91':
		return m.push(&List{items})
	case 't':
		return m.push(Tuple(items))
	case 'e', '\x90':
		return m.extend(items)
	case 'd':
		m.stack = append(m.stack, &Dict{})
	}
	return m.fill(items)
}

// extend appends to the list on top.
func (m *machine) extend(items []any) error {
	v, err := m.top()
	if err != nil {
		return err
	}
	list, ok := v.(*List)
	if !ok {
		return fmt.Errorf("pickle: append to a %T", v)
	}
	list.Items = append(list.Items, items...)
	return nil
}

// fill adds pairs to the dictionary on top.
func (m *machine) fill(pairs []any) error {
	v, err := m.top()
	if err != nil {
		return err
	}
	d, ok := v.(*Dict)
	if !ok || len(pairs)%2 != 0 {
		return fmt.Errorf("pickle: %d keys and values for a %T", len(pairs), v)
	}
	for i := 0; i < len(pairs); i += 2 {
		d.Keys, d.Values = append(d.Keys, pairs[i]), append(d.Values, pairs[i+1])
	}
	return nil
}

func (m *machine) doMemo(op byte) error {
	key := uint64(len(m.memo)) // MEMOIZE
	switch op {
	case 'p', 'g':
		text, err := m.line()
		if err != nil {
			return err
		}
		if key, err = strconv.ParseUint(text, 10, 32); err != nil {
			return fmt.Errorf("pickle: memo %q", text)
		}
	case 'q', 'h', 'r', 'j':
		size := map[byte]int{'q': 1, 'h': 1, 'r': 4, 'j': 4}[op]
		n, err := m.number(size)
		if err != nil {
			return err
		}
		key = n
	}
	if op == 'g' || op == 'h' || op == 'j' {
		v, ok := m.memo[key]
		if !ok {
			return fmt.Errorf("pickle: nothing under memo %d", key)
		}
		return m.push(v)
	}
	v, err := m.top()
	if err != nil {
		return err
	}
	m.memo[key] = v
	return nil
}

func (m *machine) doObject(op byte) error {
	switch op {
	case 'c':
		module, err := m.line()
		if err != nil {
			return err
		}
		name, err := m.line()
		if err != nil {
			return err
		}
		return m.push(Global{module, name})
	case 'P':
		id, err := m.line()
		if err != nil {
			return err
		}
		return m.persist(id)
	}
	arg, err := m.pop()
	if err != nil {
		return err
	}
	if op == 'Q' {
		return m.persist(arg)
	}
	if op == 'b' {
		return m.build(arg)
	}
	if op == '\x92' { // NEWOBJ_EX: its keyword arguments are for constructors, of which none runs
		if arg, err = m.pop(); err != nil {
			return err
		}
	}
	first, err := m.pop()
	if err != nil {
		return err
	}
	if op == '\x93' {
		module, ok1 := first.(string)
		name, ok2 := arg.(string)
		if !ok1 || !ok2 {
			return errors.New("pickle: a class whose name is no text")
		}
		return m.push(Global{module, name})
	}
	class, ok1 := first.(Global)
	args, ok2 := arg.(Tuple)
	if !ok1 || !ok2 {
		return fmt.Errorf("pickle: a call of a %T with a %T", first, arg)
	}
	v, err := m.call(class, args)
	if err != nil {
		return err
	}
	return m.push(v)
}

func (m *machine) persist(id any) error {
	if m.persistent == nil {
		return errors.New("pickle: a persistent id outside a checkpoint")
	}
	v, err := m.persistent(id)
	if err != nil {
		return err
	}
	return m.push(v)
}

// build gives the object on top its state. That of a dictionary is no part of it (the _metadata of
// a state_dict).
func (m *machine) build(state any) error {
	v, err := m.top()
	if err != nil {
		return err
	}
	if o, ok := v.(*Object); ok {
		o.State = state
	}
	return nil
}
