package dr

// Organisation is what a bank owns, read from its files and found sound.
type Organisation struct {
	ID             string      `json:"id"`
	Name           string      `json:"name"`
	Environment    Environment `json:"environment"`
	TimeZone       string      `json:"time_zone"` // IANA name; duty periods and windows are read in it
	Languages      []string    `json:"languages"` // the first is the organisation's own
	SwitchmanSites []string    `json:"switchman_sites,omitempty"`
	Sites          []Site      `json:"sites"`
	Links          []Link      `json:"links,omitempty"`
	Hosts          []Host      `json:"hosts,omitempty"`
	Arrays         []Array     `json:"arrays,omitempty"`
	Resources      []Resource  `json:"resources,omitempty"`
	Channels       []Channel   `json:"channels,omitempty"`
	Systems        []System    `json:"systems"`
	Roster         Roster      `json:"roster"`
	Policy         Policy      `json:"policy"`
}

// System finds a system by id.
func (o *Organisation) System(id string) (System, bool) {
	for _, s := range o.Systems {
		if s.ID == id {
			return s, true
		}
	}
	return System{}, false
}

// Site is a place.
type Site struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// Link joins two sites.
type Link struct {
	ID      string   `json:"id"`
	Between []string `json:"between"`
}

// Host carries virtual nodes.
type Host struct {
	ID   string `json:"id"`
	Site string `json:"site"`
}

// Array is storage that several nodes use.
type Array struct {
	ID   string `json:"id"`
	Site string `json:"site"`
}

// Resource is something several systems share; a run locks it like a system.
type Resource struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// Channel is a place where the bot speaks.
type Channel struct {
	ID       string `json:"id"`
	Audience string `json:"audience,omitempty"` // who reads there; decides what runbooks may be quoted
	Slack    string `json:"slack,omitempty"`    // Slack's id of it
}

// System is a business system: what customers would miss.
type System struct {
	ID          string       `json:"id"`
	Name        string       `json:"name"`
	Tier        string       `json:"tier,omitempty"`
	RTO         Millis       `json:"rto_ms"`
	RPO         Millis       `json:"rpo_ms"`
	Limit       Millis       `json:"limit_ms"` // what the regulator allows
	Home        string       `json:"home"`     // where it normally lives; where it is now is Placement
	DependsOn   []string     `json:"depends_on,omitempty"`
	Uses        []string     `json:"uses,omitempty"`
	Protections []Protection `json:"protections,omitempty"`
	Nodes       []Node       `json:"nodes"`
	Windows     []Window     `json:"windows,omitempty"`
	Expiries    []Expiry     `json:"expiries,omitempty"`
	Probes      []Probe      `json:"probes,omitempty"`
}

// Protection says what copies what to where.
type Protection struct {
	ID   string `json:"id"`
	Kind string `json:"kind"` // db | array | cdp | backup | file
	From string `json:"from"`
	To   string `json:"to"`
	RPO  Millis `json:"rpo_ms,omitempty"`
}

// Node is one machine or service of a system at one site.
type Node struct {
	ID        string            `json:"id"`
	System    string            `json:"system"`
	Site      string            `json:"site"`
	Role      string            `json:"role"`
	Kind      string            `json:"kind,omitempty"` // vm | physical | container | appliance | service
	Host      string            `json:"host,omitempty"`
	Array     string            `json:"array,omitempty"`
	Peer      string            `json:"peer,omitempty"`
	Address   string            `json:"address,omitempty"`
	Aliases   []string          `json:"aliases,omitempty"`
	DependsOn []string          `json:"depends_on,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
}

// Window is a daily stretch of time in which a move collides with something.
type Window struct {
	Kind       string `json:"kind"`                  // freeze | maintenance | batch | clearing
	When       string `json:"when"`                  // "22:00-01:30", the organisation's zone
	OnConflict string `json:"on_conflict,omitempty"` // block | warn
}

// Expiry is something that runs out.
type Expiry struct {
	What  string `json:"what"`
	Until string `json:"until"` // "2027-03-01"
}

// Probe proves something about a system by looking only.
type Probe struct {
	ID     string `json:"id"`
	Title  string `json:"title,omitempty"`
	Proves string `json:"proves"` // business | technical; for situations also frontdoor | replication | link
	Site   string `json:"site,omitempty"`
	Call   Call   `json:"call"`
}

// Roster says who exists and what they may do. An empty roster refuses everything.
type Roster struct {
	Version string   `json:"version,omitempty"`
	Teams   []Team   `json:"teams,omitempty"`
	People  []Person `json:"people"`
}

// Person finds somebody by id.
func (r Roster) Person(id string) (Person, bool) {
	for _, p := range r.People {
		if p.ID == id {
			return p, true
		}
	}
	return Person{}, false
}

// Team groups people for separation of duty.
type Team struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// Person is an account of a human being. Two accounts of one human share Human; whatever is
// counted is counted by Human.
type Person struct {
	ID       string    `json:"id"`
	Human    string    `json:"human"` // personnel number; the id where none is given
	Name     string    `json:"name"`
	Roles    []Role    `json:"roles,omitempty"`
	Teams    []string  `json:"teams,omitempty"`
	Slack    string    `json:"slack,omitempty"`
	Language string    `json:"language,omitempty"`
	Contacts []Contact `json:"contacts,omitempty"` // in the order they are tried
	Duty     []Duty    `json:"duty,omitempty"`     // empty: always on duty
	Deputy   []Deputy  `json:"deputy_for,omitempty"`
	Disabled bool      `json:"disabled,omitempty"`
}

// Has reports whether the person's own roles include one.
func (p Person) Has(role Role) bool {
	for _, r := range p.Roles {
		if r == role {
			return true
		}
	}
	return false
}

// Contact is one way to reach a person.
type Contact struct {
	Kind  string `json:"kind"` // phone | mail | webhook | command
	Value string `json:"value"`
}

// Duty is a weekly stretch of time in the organisation's zone. To before From runs past midnight.
type Duty struct {
	Days []string `json:"days,omitempty"` // mon … sun; empty: every day
	From string   `json:"from"`           // "08:00"
	To   string   `json:"to"`             // "20:00"
}

// Deputy lets the holder vote in their own name for somebody away, between two moments.
type Deputy struct {
	For  string `json:"for"`
	From Time   `json:"from"`
	To   Time   `json:"to"`
}

// Policy is the organisation's rules for runs.
type Policy struct {
	Version   string         `json:"version,omitempty"`
	Rules     []Rule         `json:"rules"`
	Overrides []OverrideRule `json:"overrides,omitempty"`
	Severity  []Severity     `json:"severity,omitempty"`
	Freezes   []Freeze       `json:"freezes,omitempty"`
}

// Rule fits when mode and direction are listed; the first that fits counts.
type Rule struct {
	ID                 string      `json:"id"`
	Modes              []Mode      `json:"modes"`
	Directions         []Direction `json:"directions"`
	Profile            string      `json:"profile"` // named staffing profile, printed on page 1: standard | small_site
	Groups             []Group     `json:"groups"`  // every group must be filled (AND), by different humans
	MinPeople          int         `json:"min_people"`
	Issuers            []Role      `json:"issuers"`
	Submitters         []Role      `json:"submitters"`
	RequesterMaySubmit bool        `json:"requester_may_submit"`
	Codes              int         `json:"codes"` // 1, or 2 for two issuers with a code each
	Words              bool        `json:"words"` // the approver types three digest words
	RoundExpiry        Millis      `json:"round_expiry_ms"`
	VoteValidity       Millis      `json:"vote_validity_ms"` // how long a vote counts; days for drills
	CodeExpiry         Millis      `json:"code_expiry_ms"`   // at most 10 minutes
	CodeTries          int         `json:"code_tries"`       // per run, at most 5
	DecideAfter        Millis      `json:"decide_after_ms"`  // after this, any operator on duty decides an unknown step
	RTOFrom            string      `json:"rto_from"`         // impact | declared | ordered | requested | started
	FactsFresh         Millis      `json:"facts_fresh_ms"`   // how old a preflight fact may be at the start
}

// Quorum is the number of votes all groups need together.
func (r Rule) Quorum() int {
	n := 0
	for _, g := range r.Groups {
		n += g.N
	}
	return n
}

// Group asks for N votes of people with one of the roles, in one of the teams when any is named.
type Group struct {
	Name  string   `json:"name"`
	Roles []Role   `json:"roles"`
	Teams []string `json:"teams,omitempty"`
	N     int      `json:"n"`
}

// OverrideRule says which checks may be overridden in which modes, and by whom.
type OverrideRule struct {
	Check string `json:"check"` // check id, or a prefix ending in "*"
	Modes []Mode `json:"modes"`
	Roles []Role `json:"roles"`
}

// Severity sets how much a failing check weighs in a mode.
type Severity struct {
	Check string `json:"check"`
	Mode  Mode   `json:"mode"`
	Level string `json:"level"` // block | warn
}

// Freeze is a dated stretch of time in which nothing may start without an override.
type Freeze struct {
	Name string `json:"name"`
	From Time   `json:"from"`
	To   Time   `json:"to"`
}

// Placement is where a system lives now. It is state, never a file.
type Placement struct {
	System   string `json:"system"`
	Site     string `json:"site"`
	Since    Time   `json:"since,omitzero"`
	Run      string `json:"run,omitempty"`   // the run that moved it; empty: as declared at home
	Proven   Time   `json:"proven,omitzero"` // when a probe last proved it
	Previous string `json:"previous,omitempty"`
}
