package bot

// Form is a dialog. What is filled in comes back as a submit intent with the form's nonce.
type Form struct {
	Lang   string  `json:"lang"`
	Run    string  `json:"run,omitempty"`
	Title  string  `json:"title"`
	Submit string  `json:"submit"` // label of the button that sends it
	Cancel string  `json:"cancel"`
	Danger bool    `json:"danger,omitempty"`
	Nonce  string  `json:"nonce"`
	Parts  []Part  `json:"parts,omitempty"` // what to know before filling it in
	Fields []Field `json:"fields"`
}

// FieldKind says what a field takes.
type FieldKind string

// The fields there are.
const (
	FieldText   FieldKind = "text"
	FieldLong   FieldKind = "long"   // several lines
	FieldSelect FieldKind = "select" // one of the options
	FieldMulti  FieldKind = "multi"  // any of the options; values joined by commas
	FieldSecret FieldKind = "secret" // never kept, logged or shown again
)

// Field is one input. Its value comes back under its name.
type Field struct {
	Name     string    `json:"name"`
	Kind     FieldKind `json:"kind"`
	Label    string    `json:"label"`
	Hint     string    `json:"hint,omitempty"`
	Value    string    `json:"value,omitempty"` // to begin with
	Options  []Option  `json:"options,omitempty"`
	Optional bool      `json:"optional,omitempty"`
	Max      int       `json:"max,omitempty"`  // characters
	Live     bool      `json:"live,omitempty"` // a change of it changes what the form says: a change intent with the values so far
}

// Fit cuts and cleans the form's texts as [Card.Fit] does.
func (f Form) Fit() Form {
	f.Title, f.Submit, f.Cancel = clipLine(f.Title, maxTitle), clipLine(f.Submit, maxFormButton), clipLine(f.Cancel, maxFormButton)
	f.Parts = Card{Parts: f.Parts}.Fit().Parts
	fields := make([]Field, len(f.Fields))
	for i, one := range f.Fields {
		one.Label, one.Hint = clipLine(one.Label, maxFormLabel), clipLine(one.Hint, maxFormLabel)
		one.Value = clipText(one.Value, maxText)
		one.Options = fitOptions(one.Options)
		fields[i] = one
	}
	f.Fields = fields
	return f
}
