package bot

import (
	"context"
	"errors"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/locale"
)

// TurnAway answers somebody whom the surface itself refuses, such as a guest, and journals it, a few rows a
// minute. A code that such a person shows is taken care of all the same.
func (b *Bot) TurnAway(ctx context.Context, in Intent, why error) Reply {
	t, err := b.turn(in)
	if err != nil {
		return b.failed(ctx, voice{lang: locale.English, zone: time.UTC}, in, err)
	}
	if r, seen, err := t.leaked(ctx, false); seen && err == nil {
		return r
	}
	var refusal *dr.Error
	if errors.As(why, &refusal) && refusal.Kind == dr.Refused {
		_ = t.refuse(ctx, "", "", "known_person", refusal)
	}
	return b.failed(ctx, t.voice, in, why)
}
