package journal

import (
	"errors"

	"github.com/switchman-dr/switchman/dr"
)

// RotationText is what both keys of a rotation sign.
func RotationText(old, next string) string {
	return "switchman/key-rotation/v1\n" + old + "\n" + next + "\n"
}

// CheckRotation checks a rotation that claims to follow a key. A rotation without the old key's
// signature is one after a loss, which a person accepted; the row beside it says who knows.
func CheckRotation(current string, d dr.KeyData) error {
	if d.Old != current {
		return errors.New("rotates a key that was not in use")
	}
	want := RotationText(d.Old, d.New)
	if text, err := VerifyText(d.NewSig, d.New); err != nil || text != want {
		return errors.New("is not signed by the new key")
	}
	if d.OldSig == "" {
		return nil
	}
	if text, err := VerifyText(d.OldSig, d.Old); err != nil || text != want {
		return errors.New("is not signed by the old key")
	}
	return nil
}
