// Package slackfake is a Slack workspace that runs on this machine: for tests of the adapter, for
// people who want to try the bot without a workspace, and for bots in other languages.
//
// It owns what Slack owns: users with every flag an app must look at, channels of every kind,
// messages, modals and Home tabs, files, and the two ways an app and Slack talk, the Web API and
// Socket Mode. It is as strict as Slack where Slack's documents or official clients say how strict
// that is. Tokens have types and scopes; a call over its budget gets 429 and Retry-After; a trigger
// opens one modal within three seconds; a response_url answers five times in half an hour; a view
// is replaced only by who saw its last version; blocks are held against a JSON Schema generated
// from Slack's own types, then against the tables of limits and surfaces in limits.go and
// blocks.go. An envelope goes to one of the app's sockets at random. A person whose command or
// click is not acknowledged in three seconds sees an error, and the app never gets it again; an
// event it did not acknowledge comes again at once, after a minute and after five.
//
// People act through [Server.Person] or over HTTP below /_person/, and get back what they would see
// at once. Things go wrong through [Server.Break] or /_fault: an answer lost after the act was done,
// acknowledgements that come late or never, envelopes twice or in another order, sockets that drop
// with an envelope in their hands, spells of 429 and 503, and Slack being gone altogether.
//
// It refuses to be more helpful than Slack: nothing is unfurled, letters a person types are never
// markup, an app clicks no button and hears of no channel it is not in. It keeps nothing on disk and
// protects nothing; its tokens are for this process alone, and it belongs on a loopback address.
//
// What always holds: one mutex guards the workspace, so a call is done or not done at all, and
// events leave in the order in which things happened. Every deadline runs on Options.Clock, so a
// test moves five minutes in no time; only WebSocket pings follow the machine's clock, because the
// clients at the other end do.
//
// Not there: user groups, message shortcuts, external menus' option requests, threads' subscription,
// Enterprise Grid, HTTP request signing, streaming of texts.
package slackfake
