package main

import (
	"context"
	"time"
)

// askMe bounds the question who one is, which only decides about a language.
const askMe = 2 * time.Second

// language is that of the sentences in an answer of the server: the one asked for by flag or setting,
// else the own one of whoever asks, as the roster has it, else English like the command line itself.
func (sh *shell) language(ctx context.Context) string {
	if cfg, err := sh.settings(); err == nil && cfg.Lang != "" {
		return cfg.Lang
	}
	if own := sh.ownLanguage(ctx); own != "" {
		return own
	}
	return "en"
}

// ownLanguage asks the server once who one is; empty where it doesn't say, or a language was asked for.
func (sh *shell) ownLanguage(ctx context.Context) string {
	if cfg, err := sh.settings(); err != nil || cfg.Lang != "" {
		return ""
	}
	if sh.own != nil {
		return *sh.own
	}
	ctx, cancel := context.WithTimeout(ctx, askMe)
	defer cancel()
	var me struct {
		Language string `json:"language"`
	}
	if err := sh.call(ctx, "GET", "/api/me", nil, &me); err != nil {
		me.Language = "" // the answer itself is told, or the error that is worth telling
	}
	sh.own = &me.Language
	return me.Language
}
