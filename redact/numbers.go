package redact

import "strings"

// cards finds payment card numbers: whole groups of digits, parted by single blanks or hyphens,
// so that a number standing beside one does not hide it.
func cards(line []byte) [][2]int {
	var out [][2]int
	for at := 0; at < len(line); {
		if !digit(line[at]) || at > 0 && wordByte(line[at-1]) {
			at++
			continue
		}
		if end := cardAt(line, at); end > 0 {
			out = append(out, [2]int{at, end})
			at = end
			continue
		}
		for at < len(line) && digit(line[at]) {
			at++
		}
	}
	return out
}

// cardAt returns the end of the longest card number that begins at a position, or 0.
func cardAt(line []byte, from int) int {
	var digits []byte
	best := 0
	for i := from; i < len(line) && len(digits) <= 19; i++ {
		c := line[i]
		switch {
		case digit(c):
			digits = append(digits, c)
		case (c == ' ' || c == '-') && i+1 < len(line) && digit(line[i+1]):
			continue
		default:
			return best
		}
		last := i+1 == len(line) || !wordByte(line[i+1])
		if last && len(digits) >= 13 && len(digits) <= 19 && issued(string(digits)) && luhn(digits) {
			best = i + 1
		}
	}
	return best
}

// identityCards finds numbers of Chinese identity cards.
func identityCards(line []byte) [][2]int {
	var out [][2]int
	for at := 0; at+18 <= len(line); at++ {
		if !digit(line[at]) || at > 0 && wordByte(line[at-1]) {
			continue
		}
		if end := at + 18; (end == len(line) || !wordByte(line[end])) && identityCard(line[at:end]) {
			out = append(out, [2]int{at, end})
		}
	}
	return out
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func wordByte(c byte) bool {
	return digit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}

// issued follows the ranges of ISO/IEC 7812 in use by the large schemes.
func issued(d string) bool {
	n := len(d)
	four := d[:4]
	switch {
	case d[0] == '4':
		return n == 13 || n == 16 || n == 19
	case four >= "5100" && four <= "5599", four >= "2221" && four <= "2720":
		return n == 16
	case d[:2] == "34" || d[:2] == "37":
		return n == 15
	case d[:2] == "62", four == "6011", d[:2] == "65", d[:3] >= "644" && d[:3] <= "649":
		return n >= 16 && n <= 19
	case d[:2] == "35":
		return n == 16
	case d[:2] == "36", d[:2] == "38", d[:2] == "39", d[:3] >= "300" && d[:3] <= "305":
		return n == 14
	}
	return false
}

func luhn(digits []byte) bool {
	sum := 0
	for i, c := range digits {
		d := int(c - '0')
		if (len(digits)-i)%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// identityCard checks region, date of birth and check symbol (GB 11643-1999).
func identityCard(v []byte) bool {
	for _, c := range v[:17] {
		if !digit(c) {
			return false
		}
	}
	s := string(v)
	region, month, day := s[:2], s[10:12], s[12:14]
	if region < "11" || region > "83" || s[6:8] != "19" && s[6:8] != "20" ||
		month < "01" || month > "12" || day < "01" || day > "31" {
		return false
	}
	sum := 0
	for i, weight := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(s[i]-'0') * weight
	}
	return "10X98765432"[sum%11] == strings.ToUpper(s[17:])[0]
}
