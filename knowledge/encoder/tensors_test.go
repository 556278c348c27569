package encoder

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

func TestTensors(t *testing.T) {
	d := newDraft(map[string]string{"kind": "test"})
	put(d, "small", []int8{-1, 2, 3}, 3)
	put(d, "none", []uint32{}, 0)
	put(d, "many", []float32{1.5, -2, float32(math.Inf(1)), 4}, 2, 2)
	var file bytes.Buffer
	if err := d.write(&file); err != nil {
		t.Fatal(err)
	}
	f, err := parse(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got := get[float32](f, "many", f.length("many")); f.err != nil || len(got) != 4 || got[1] != -2 {
		t.Errorf("many is %v, %v", got, f.err)
	}
	if got := get[int8](f, "small", 3); f.err != nil || got[0] != -1 || f.meta["kind"] != "test" {
		t.Errorf("small is %v of %v, %v", got, f.meta, f.err)
	}
	if got := get[uint32](f, "none", 0); f.err != nil || got != nil {
		t.Errorf("none is %v, %v", got, f.err)
	}
	get[int8](f, "many", 4)
	if f.err == nil || !strings.Contains(f.err.Error(), "many") || get[int8](f, "small", 3) != nil {
		t.Errorf("the first mistake is %v", f.err)
	}
}

// FuzzParse: whatever a file holds, reading it ends with a model or an error.
func FuzzParse(f *testing.F) {
	d := newDraft(map[string]string{"kind": "e5", "format": packageOf(E5).format})
	small("[s]", "fail", "over").put(d)
	put(d, "tokens.special", []uint32{0, 0, 0}, 3)
	put(d, "position", make([]float32, 4), 4)
	var file bytes.Buffer
	if err := d.write(&file); err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	for _, header := range []string{
		"", "{}", `{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}`, `{"a":{"dtype":"U8","shape":[-1],"data_offsets":[4,3]}}`,
		`{"a":{"dtype":"U8","shape":[2],"data_offsets":[-1,1]}}`, `{"tokens.table":{"dtype":"U32","shape":[0],"data_offsets":[0,0]}}`, `{"__metadata__":[]}`,
	} {
		f.Add(append([]byte{byte(len(header)), 0, 0, 0, 0, 0, 0, 0}, header...))
	}
	f.Add([]byte("E5S1\x01\x00\x00\x00\x80\x01\x00\x00\x0c\x00\x00\x00\x0c\x00\x00\x00\x00\x06\x00\x00\xff\xff\xff\xff\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, kind := range Kinds() {
			if m, err := newModel(file, kind); err == nil {
				m.cut("fail over")
			}
		}
		if err := fromE5(file, newDraft(nil)); err == nil {
			t.Error("a few bytes are a published model")
		}
		if err := fromMiniLM(file, []byte("[CLS]\nfail"), newDraft(nil)); err == nil {
			t.Error("a few bytes are published weights")
		}
	})
}
