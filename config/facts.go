package config

import (
	"io/fs"

	"github.com/switchman-dr/switchman/dr"
)

// Facts are what was seen outside the settings. Whoever asks for a diagnosis fills in what it could
// look at; a nil pointer means "not looked at" and nothing is said about it.
type Facts struct {
	Version      string
	Now          dr.Time
	Organisation *OrganisationFacts
	State        *StateFacts
	Store        *StoreFacts
	Server       *ServerFacts
	Missing      []string // programs that plans of this organisation call and that are not on PATH
	FileModes    map[string]fs.FileMode
	Encoders     []EncoderFacts // the built-in ones; empty: not looked at
}

// EncoderFacts is one of the built-in encoders.
type EncoderFacts struct {
	Model   string
	Missing error // why it cannot be used; nil when it can
}

// OrganisationFacts is what reading the organisation's files gave.
type OrganisationFacts struct {
	ID          string
	Environment dr.Environment
	Mistakes    int
	Warnings    int
	Runnable    error // why nothing can run in it; nil when runs are possible
	Secrets     []string
	Recipients  []string // classes that plans want to tell
	Mappings    []string // sources alerts.yaml describes
	OnlyHome    string   // the site that is Switchman's only home and from which a plan moves away
}

// StateFacts is what the state directory looks like.
type StateFacts struct {
	Exists    bool
	Writable  bool
	Mode      fs.FileMode
	Network   string // kind of network file system it is on; empty: a local one
	FreeBytes int64
	PepperKey bool // made by an earlier start and kept there
	LogKey    bool
}

// StoreFacts is what opening the store for reading gave.
type StoreFacts struct {
	Err        error
	Rows       int64
	LastBackup dr.Time
	Approvers  int // people with the approver role
	Enrolled   int // of them, those who have a credential
	ActiveRuns int
	Replicas   []ReplicaFacts // servers of the store seen within the last minute
	ActiveSite string         // the one that takes work; empty: no server was told its site
	Lacks      string         // what keeps an acknowledged commit from surviving the loss of the database's machine
}

// ReplicaFacts is a server of the store.
type ReplicaFacts struct {
	ID, Site, Version string
	Leases            []string // what it alone does now
}

// ServerFacts is what the server answered.
type ServerFacts struct {
	Err     error
	Version string
	Ready   bool
}
