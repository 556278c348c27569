package web

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/boombuler/barcode/qr"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"github.com/switchman-dr/switchman/dr"
)

// TOTP after RFC 6238: SHA-1, six digits, thirty seconds, which is what every authenticator takes. A code
// of the neighbouring half minutes is taken too, because clocks differ; none is taken twice.
const (
	totpPeriod = 30
	totpSkew   = 1
	totpBytes  = 20
)

// vault seals TOTP secrets, which unlike passwords have to be read again.
type vault struct{ seal cipher.AEAD }

func newVault(secret []byte) (*vault, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "switchman/totp/v1", 32)
	if err != nil {
		return nil, fmt.Errorf("making the key of second factors: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("making the key of second factors: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("making the key of second factors: %w", err)
	}
	return &vault{aead}, nil
}

// put seals a secret for one person, so that it cannot be copied to another's row.
func (v *vault) put(person, secret string) string {
	return base64.RawStdEncoding.EncodeToString(v.seal.Seal(nil, nil, []byte(secret), []byte(person)))
}

func (v *vault) get(person, sealed string) (string, error) {
	raw, err := base64.RawStdEncoding.DecodeString(sealed)
	if err != nil {
		return "", fmt.Errorf("reading a second factor: %w", err)
	}
	secret, err := v.seal.Open(nil, nil, raw, []byte(person))
	if err != nil {
		return "", errors.New("reading a second factor: sealed with another pepper")
	}
	return string(secret), nil
}

// newTOTP draws a secret and writes the address authenticators read.
func newTOTP(random io.Reader, organisation, person string) (secret, uri string, err error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "Switchman " + organisation, AccountName: person, Period: totpPeriod,
		SecretSize: totpBytes, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1, Rand: random})
	if err != nil {
		return "", "", fmt.Errorf("drawing a second factor: %w", err)
	}
	return key.Secret(), key.URL(), nil
}

// matchTOTP answers the counter whose code was typed. Codes up to and with the last one taken don't count.
func matchTOTP(secret string, code typed, now dr.Time, last int64) (counter int64, ok bool) {
	text := strings.ReplaceAll(strings.TrimSpace(code.reveal()), " ", "")
	at := now.Unix() / totpPeriod
	for c := at - totpSkew; c <= at+totpSkew; c++ {
		fits, err := hotp.ValidateCustom(text, uint64(max(c, 0)), secret, hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && fits && c > last {
			counter, ok = c, true
		}
	}
	return counter, ok
}

// qrSVG draws a text as a QR code, dark on light whatever the page's colours are.
func qrSVG(text string) (string, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return "", fmt.Errorf("drawing a QR code: %w", err)
	}
	const quiet = 4 // modules around it (ISO/IEC 18004)
	size := code.Bounds().Dx()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%[1]dv%[1]dH0z"/><path d="`,
		size+2*quiet, size+2*quiet)
	for y := range size {
		for x := range size {
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return b.String(), nil
}
