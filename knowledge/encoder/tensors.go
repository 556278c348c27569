package encoder

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"unsafe"
)

// align is where a tensor of our own files begins: at a multiple of this, so that it is used as it lies.
const align = 64

// tensors is a file in the safetensors format: the length of a header, the header as JSON, then numbers, the
// least significant byte first, as every processor this is built for has them. Whoever asks for a tensor
// gets the memory of the file itself. The first thing missing is kept in err, and everything asked for
// afterwards is empty.
type tensors struct {
	meta  map[string]string
	entry map[string]entry
	data  []byte
	err   error
}

type entry struct {
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// number is what tensors are made of.
type number interface {
	int8 | uint8 | uint32 | float32
}

var dtypes = map[string]int64{"I8": 1, "U8": 1, "U32": 4, "F32": 4, "I64": 8}

// dtype is the name of a type in the file.
func dtype[T number]() string {
	switch any(*new(T)).(type) {
	case int8:
		return "I8"
	case uint8:
		return "U8"
	case uint32:
		return "U32"
	}
	return "F32"
}

// parse reads the header; it believes no number in it before it was compared with the file's length.
func parse(file []byte) (*tensors, error) {
	if len(file) < 8 {
		return nil, fmt.Errorf("only %d bytes", len(file))
	}
	n := binary.LittleEndian.Uint64(file)
	if n > uint64(len(file)-8) || n > 1<<20 {
		return nil, fmt.Errorf("a header of %d bytes", n)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(file[8:8+n], &all); err != nil {
		return nil, fmt.Errorf("reading the header: %w", err)
	}
	t := &tensors{entry: map[string]entry{}, data: file[8+n:]}
	for name, raw := range all {
		if name == "__metadata__" {
			if err := json.Unmarshal(raw, &t.meta); err != nil {
				return nil, fmt.Errorf("reading the header: %w", err)
			}
			continue
		}
		var e entry
		if err := json.Unmarshal(raw, &e); err != nil {
			return nil, fmt.Errorf("reading the header of %s: %w", name, err)
		}
		if err := e.check(int64(len(t.data))); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		t.entry[name] = e
	}
	return t, nil
}

func (e entry) check(length int64) error {
	size, known := dtypes[e.DType]
	if !known {
		return fmt.Errorf("numbers of type %q", e.DType)
	}
	for _, n := range e.Shape {
		if n < 0 || (n > 0 && size > length/int64(n)) {
			return fmt.Errorf("a shape of %v in a file of %d bytes", e.Shape, length)
		}
		size *= int64(n)
	}
	if e.Offsets[0] < 0 || e.Offsets[1] > length || e.Offsets[1]-e.Offsets[0] != size {
		return fmt.Errorf("bytes %d to %d of %d for a shape of %v", e.Offsets[0], e.Offsets[1], length, e.Shape)
	}
	return nil
}

// get is the tensor of a name and a length.
func get[T number](t *tensors, name string, length int) []T {
	if t.err != nil {
		return nil
	}
	e, ok := t.entry[name]
	size := int(unsafe.Sizeof(*new(T)))
	switch {
	case !ok:
		t.err = fmt.Errorf("there is no tensor %s", name)
	case e.DType != dtype[T]() || e.Offsets[1]-e.Offsets[0] != int64(length*size):
		t.err = fmt.Errorf("tensor %s holds %v of %s, wanted %d of %s", name, e.Shape, e.DType, length, dtype[T]())
	case length == 0:
		return nil
	}
	if t.err != nil {
		return nil
	}
	raw := t.data[e.Offsets[0]:e.Offsets[1]]
	if uintptr(unsafe.Pointer(&raw[0]))%uintptr(size) != 0 {
		raw = append(make([]byte, 0, len(raw)), raw...) // fresh memory is aligned
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&raw[0])), length)
}

// length is how many numbers a tensor holds.
func (t *tensors) length(name string) int {
	n := 1
	for _, d := range t.entry[name].Shape {
		n *= d
	}
	if _, ok := t.entry[name]; !ok && t.err == nil {
		t.err = fmt.Errorf("there is no tensor %s", name)
		return 0
	}
	return n
}

// draft is a file before it is written.
type draft struct {
	meta  map[string]string
	entry map[string]entry
	order []string
	data  map[string][]byte
}

func newDraft(meta map[string]string) *draft {
	return &draft{meta: meta, entry: map[string]entry{}, data: map[string][]byte{}}
}

// put adds a tensor.
func put[T number](d *draft, name string, numbers []T, shape ...int) {
	size := int(unsafe.Sizeof(*new(T)))
	d.order = append(d.order, name)
	d.entry[name] = entry{DType: dtype[T](), Shape: shape}
	d.data[name] = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(numbers))), size*len(numbers))
}

// write writes the file. The same tensors give the same bytes.
func (d *draft) write(w io.Writer) error {
	header := map[string]any{"__metadata__": d.meta}
	var at int64
	for _, name := range d.order {
		e := d.entry[name]
		e.Offsets = [2]int64{at, at + int64(len(d.data[name]))}
		header[name] = e
		at = (e.Offsets[1] + align - 1) / align * align
	}
	raw, err := json.Marshal(header)
	if err != nil {
		return fmt.Errorf("writing the header: %w", err)
	}
	for (8+len(raw))%align != 0 {
		raw = append(raw, ' ')
	}
	raw = append(binary.LittleEndian.AppendUint64(nil, uint64(len(raw))), raw...)
	if _, err := w.Write(raw); err != nil {
		return err
	}
	for _, name := range d.order {
		if _, err := w.Write(d.data[name]); err != nil {
			return err
		}
		if _, err := w.Write(make([]byte, (align-len(d.data[name])%align)%align)); err != nil {
			return err
		}
	}
	return nil
}
