// Package web is the HTTP edge: the web console and its channel, the API for command line, console
// and scripts, the stream of journal readings and cards, health and metrics.
//
// It owns the listeners (a unix socket of mode 0600 in the state directory, a TCP address where one
// is given, and a second one for telephones), who is asking, and how an error looks from outside. It decides nothing
// about runs: it turns a request into a dr.Actor and a verb, asks fsm, and shows the answer.
//
// Who is asking:
//   - the person of a personal token, on TCP and on the socket alike. Tokens are 256 random bits;
//     the store keeps their SHA-256 only, with scopes and an end;
//   - the socket's owner or root without a token, told by the kernel, and only to enrol a person
//     and to make a token: somebody has to be first;
//   - the person of a session in a browser's cookie, who signed in with password and TOTP code. An
//     enrolment made on the host comes first. Before codes, and votes outside drills, they prove
//     again who they are;
//   - on a demo server, which has no passwords, whoever the header X-Switchman-As names, from this
//     machine only. Every other server refuses the header loudly instead of ignoring it.
//
// Invariants:
//   - Nothing but health is answered over a way others can read: this machine, or HTTPS that ended
//     at a proxy we were told to trust.
//   - What carries a cookie and changes something comes from a page of ours.
//   - A body is read strictly or not at all: unknown, doubled and misspelt fields are refused.
//   - A code or a token is in one answer, once, and in no log line.
//   - An error nobody classified reaches the reader as one neutral sentence with a reference; what
//     went wrong stands beside that reference in the log and nowhere else.
//   - Refusals at the edge leave journal rows at a bounded rate, so that knocking on the door
//     cannot fill the disk.
//   - Every route stands in docs/openapi.yaml and nothing else does; tests hold every request and
//     answer against that document.
package web
