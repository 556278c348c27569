// Package bot is the conversation, once for every place people talk in: it reads what somebody typed or
// pressed, asks the engine, and answers with a card; and it reads the journal and tells each place what
// happened.
//
// It owns the words of the commands, the cards and forms, the meaning of a button, and the narrator's
// cursors. It knows no chat product: a [Chat] draws cards, and an [Intent] comes in with the person
// already known. It refuses to vote or start by message text, to take a security code as anything but
// the answer to a form's secret field (one typed anywhere else is revoked), and to act on a button that was
// drawn for another moment, place or person. It has no rule of its own about runs: every act goes through the engine, and what it says no to
// is answered with the engine's sentence.
//
// Invariants. Every intent is answered. A button carries an opaque nonce and nothing else; what it means
// is looked up. A card holds plain text only, cut and cleaned by [Card.Fit], in one language, or in every
// language side by side for a place that shows each reader their own ([Card.In]). What the narrator tells
// follows from journal rows alone, under keys that follow from them too, so that a crash anywhere loses
// nothing and says nothing twice; the living board is drawn from the store, never from the last event.
package bot
