package catalog

// The raw types mirror the files field by field; JSON Schemas are generated from their tags. A field
// tagged req:"1" must always be there, one tagged req:"run" wherever something can run. What
// they hold has the right shape and is not yet compared with anything else.

type rawOrganisation struct {
	At           pos           `noun:"organisation.yaml"`
	Organisation rawIdentity   `yaml:"organisation" req:"1" doc:"who the organisation is"`
	Switchman    *rawSwitchman `yaml:"switchman" doc:"where Switchman itself runs"`
	Sites        []rawSite     `yaml:"sites" req:"1" doc:"the places systems live at"`
	Links        []rawLink     `yaml:"links" doc:"what joins the sites"`
	Hosts        []rawPlaced   `yaml:"hosts" doc:"machines that carry virtual nodes"`
	Arrays       []rawPlaced   `yaml:"arrays" doc:"storage several nodes use"`
	Resources    []rawNamed    `yaml:"resources" doc:"things several systems share; a run takes them like systems"`
	Channels     []rawChannel  `yaml:"channels" doc:"where the bot speaks"`
}

type rawIdentity struct {
	At          pos    `noun:"organisation"`
	ID          word   `yaml:"id" req:"1" format:"id" doc:"short name, never changed"`
	Name        word   `yaml:"name" req:"run" doc:"name people use"`
	Environment word   `yaml:"environment" req:"run" enum:"production|test|sample" doc:"anything but production is watermarked everywhere"`
	TimeZone    word   `yaml:"time_zone" req:"run" format:"zone" doc:"IANA zone; duty periods and windows are read in it"`
	Languages   []word `yaml:"languages" one:"1" enum:"en|zh" doc:"the first is the organisation's own"`
}

type rawSwitchman struct {
	At    pos    `noun:"switchman"`
	Sites []word `yaml:"sites" one:"1" format:"id" doc:"sites Switchman runs at"`
}

type rawSite struct {
	At   pos  `noun:"a site"`
	ID   word `yaml:"id" req:"1" format:"id" doc:"short name"`
	Name word `yaml:"name" doc:"name people use"`
}

type rawLink struct {
	At      pos    `noun:"a link"`
	ID      word   `yaml:"id" req:"1" format:"id" doc:"short name"`
	Between []word `yaml:"between" req:"1" format:"id" doc:"the two sites it joins"`
}

type rawPlaced struct {
	At   pos  `noun:"a host or array"`
	ID   word `yaml:"id" req:"1" format:"id" doc:"short name"`
	Site word `yaml:"site" req:"1" format:"id" doc:"where it stands"`
}

type rawNamed struct {
	At   pos  `noun:"a resource"`
	ID   word `yaml:"id" req:"1" format:"id" doc:"short name"`
	Name word `yaml:"name" doc:"name people use"`
}

type rawChannel struct {
	At       pos  `noun:"a channel"`
	ID       word `yaml:"id" req:"1" format:"id" doc:"short name"`
	Audience word `yaml:"audience" doc:"who reads there: internal, public, role:ROLE or team:TEAM; runbooks are quoted accordingly"`
	Slack    word `yaml:"slack" doc:"Slack's id of the channel, such as C0123456789"`
}

type rawSystem struct {
	At          pos             `noun:"a system"`
	System      word            `yaml:"system" req:"1" format:"id" doc:"short name of the business system"`
	Name        word            `yaml:"name" req:"run" doc:"name people use"`
	Tier        word            `yaml:"tier" doc:"a class the organisation may define"`
	RTO         span            `yaml:"rto" req:"run" doc:"longest time without service"`
	RPO         span            `yaml:"rpo" req:"run" doc:"longest stretch of data that may be lost"`
	Limit       span            `yaml:"limit" doc:"what the regulator allows; the rto where nothing is said"`
	Home        word            `yaml:"home" req:"1" format:"id" doc:"site where it normally lives"`
	DependsOn   []word          `yaml:"depends_on" one:"1" format:"id" doc:"systems it cannot work without"`
	Uses        []word          `yaml:"uses" one:"1" format:"id" doc:"shared resources a run takes with it"`
	Protections []rawProtection `yaml:"protections" doc:"what copies what to where"`
	Nodes       []rawNode       `yaml:"nodes" req:"run" doc:"its machines and services at every site"`
	Windows     []rawWindow     `yaml:"windows" doc:"daily stretches in which a move collides with something"`
	Expiries    []rawExpiry     `yaml:"expiries" doc:"what runs out, and when"`
	Probes      []rawProbe      `yaml:"probes" doc:"looks that prove the system serves"`
}

type rawProtection struct {
	At        pos           `noun:"a protection"`
	ID        word          `yaml:"id" req:"1" format:"id" doc:"short name"`
	Kind      word          `yaml:"kind" req:"1" enum:"db|array|cdp|backup|file" doc:"how it copies"`
	From      word          `yaml:"from" req:"1" format:"id" doc:"node it copies from, seen from home"`
	To        word          `yaml:"to" req:"1" format:"id" doc:"node it copies to"`
	RPO       span          `yaml:"rpo" doc:"lag that is still allowed"`
	Reconcile *rawReconcile `yaml:"reconcile" doc:"how both sides are compared after a move"`
}

type rawReconcile struct {
	At   pos    `noun:"reconcile"`
	With params `yaml:"with" doc:"parameters of the reconcile action"`
}

type rawNode struct {
	At        pos    `noun:"a node"`
	ID        word   `yaml:"id" req:"1" format:"id" doc:"short name, unique in the organisation"`
	Site      word   `yaml:"site" req:"1" format:"id" doc:"where it stands"`
	Role      word   `yaml:"role" req:"run" format:"id" doc:"what it does, such as db, app, gateway"`
	Kind      word   `yaml:"kind" enum:"vm|physical|container|appliance|service" doc:"what it is"`
	Host      word   `yaml:"host" format:"id" doc:"host it runs on"`
	Array     word   `yaml:"array" format:"id" doc:"array it stores on"`
	Peer      word   `yaml:"peer" format:"id" doc:"its counterpart at the other site"`
	Address   word   `yaml:"address" doc:"where it answers, host:port"`
	Aliases   []word `yaml:"aliases" one:"1" doc:"other names alerts know it by"`
	DependsOn []word `yaml:"depends_on" one:"1" format:"id" doc:"nodes it cannot work without"`
	Labels    labels `yaml:"labels" doc:"anything else worth keeping"`
}

type rawWindow struct {
	At         pos  `noun:"a window"`
	Kind       word `yaml:"kind" req:"1" enum:"freeze|maintenance|batch|clearing" doc:"what goes on then"`
	When       word `yaml:"when" req:"1" format:"stretch" doc:"from-to in the organisation's zone"`
	OnConflict word `yaml:"on_conflict" enum:"block|warn" doc:"what a move at that time does; block where nothing is said"`
}

type rawExpiry struct {
	At    pos  `noun:"an expiry"`
	What  word `yaml:"what" req:"1" doc:"such as certificate, licence"`
	Until word `yaml:"until" req:"1" format:"date" doc:"last day it is good"`
}

type rawProbe struct {
	At     pos    `noun:"a probe"`
	ID     word   `yaml:"id" req:"1" format:"id" doc:"short name"`
	Title  word   `yaml:"title" doc:"what it shows"`
	Proves word   `yaml:"proves" req:"run" enum:"business|technical|frontdoor|replication|link" doc:"what a yes is worth: the system serves (business, technical), a site can be reached, its copies are fed, the sites are joined"`
	Site   word   `yaml:"site" format:"id" doc:"site it looks at; where the system is to live where nothing is said"`
	Action word   `yaml:"action" format:"id" doc:"action that looks"`
	With   params `yaml:"with" doc:"its parameters"`
}

type rawPlan struct {
	At          pos            `noun:"a plan"`
	Plan        word           `yaml:"plan" req:"1" format:"id" doc:"short name"`
	Title       word           `yaml:"title" req:"run" doc:"what it does, in words"`
	Kind        word           `yaml:"kind" req:"1" enum:"switchover|failover|switchback" doc:"planned move, forced move, way back"`
	Pair        word           `yaml:"pair" format:"id" doc:"the switchback that leads back; of a switchback: the plan it undoes"`
	Systems     []word         `yaml:"systems" req:"1" one:"1" format:"id" doc:"the systems it moves"`
	Between     []word         `yaml:"between" format:"id" doc:"the two sites, where nodes stand at more than two"`
	For         []rawAnswer    `yaml:"for" doc:"what it is the answer to; not part of the digest"`
	Guards      []rawNever     `yaml:"guards" doc:"what forbids recommending it; not part of the digest"`
	MaxInFlight number         `yaml:"max_in_flight" doc:"steps carried out at one time; 16 where nothing is said"`
	Soak        span           `yaml:"soak" doc:"shortest time at the standby before closing or switchback"`
	Runbook     word           `yaml:"runbook" doc:"what people read about it, as a path below runbooks/; not part of the digest"`
	Criteria    []rawCriterion `yaml:"criteria" doc:"measures of success, fixed before the run"`
	Steps       []rawStep      `yaml:"steps" req:"1" doc:"what is done, ordered by needs"`
}

type rawAnswer struct {
	At     pos    `noun:"an entry of for"`
	Scope  word   `yaml:"scope" req:"1" enum:"site|system|host|node|array|link" doc:"what is broken"`
	Faults []word `yaml:"faults" req:"1" one:"1" enum:"down|io_errors|replication_broken|disk_full|bad_change|certificate|overload|partition|standby_side_down|unknown" doc:"how it is broken"`
	Entity word   `yaml:"entity" format:"id" doc:"which one, where not any"`
}

type rawNever struct {
	At    pos  `noun:"a guard"`
	Never word `yaml:"never" req:"1" enum:"down|io_errors|replication_broken|disk_full|bad_change|certificate|overload|partition|standby_side_down|unknown" doc:"fault under which the plan must not be recommended"`
}

type rawCriterion struct {
	At     pos        `noun:"a criterion"`
	ID     word       `yaml:"id" req:"1" format:"id" doc:"short name"`
	Title  word       `yaml:"title" doc:"in words"`
	Metric word       `yaml:"metric" req:"1" enum:"rto|rpo|limit|lost|served|probe|reconcile" doc:"what is measured"`
	System word       `yaml:"system" format:"id" doc:"of which system only"`
	Op     word       `yaml:"op" enum:"<=|>=|==" doc:"how it is compared"`
	Value  *rawAmount `yaml:"value" doc:"a duration for rto, rpo and limit (each system's own target where nothing is said), a number otherwise"`
}

type rawStep struct {
	At         pos            `noun:"a step"`
	ID         word           `yaml:"id" req:"1" format:"id" doc:"short name, unique in the plan"`
	Title      word           `yaml:"title" doc:"in words; may hold {node} {system} {site} and so on anywhere"`
	On         *rawOn         `yaml:"on" doc:"the nodes it is done on, one compiled step each"`
	Per        word           `yaml:"per" enum:"system" doc:"one compiled step per system"`
	Action     word           `yaml:"action" req:"1" format:"id" doc:"what carries it out"`
	With       params         `yaml:"with" doc:"parameters of the action"`
	Class      word           `yaml:"class" enum:"read|idempotent|once" doc:"what may be done when nobody knows whether it arrived"`
	Expect     span           `yaml:"expect" doc:"how long it usually takes"`
	Timeout    span           `yaml:"timeout" doc:"after this nobody knows whether it arrived"`
	Retry      *rawRetry      `yaml:"retry" doc:"tries after a failure, by itself"`
	Needs      []word         `yaml:"needs" one:"1" doc:"steps that come before: X, X@all, X@deps, X@peer"`
	Probe      *rawCall       `yaml:"probe" doc:"look that says whether the step's effect is there"`
	Undo       *rawCall       `yaml:"undo" doc:"takes the effect back"`
	UndoProbe  *rawCall       `yaml:"undo_probe" doc:"look that says whether the effect is gone"`
	Ungraceful *rawUngraceful `yaml:"ungraceful" doc:"what becomes of it once the run is forced: same, skip, try, or a call of its own"`
	NoReturn   flag           `yaml:"no_return" doc:"after it, undo is impossible"`
	Hold       flag           `yaml:"hold" doc:"stop for a person before it"`
	Phase      word           `yaml:"phase" enum:"run|verify" doc:"run moves, verify proves"`
	Group      word           `yaml:"group" format:"id" doc:"steps sharing a limit"`
	GroupMax   number         `yaml:"group_max" doc:"steps of the group carried out at one time"`
	Evidence   []word         `yaml:"evidence" one:"1" enum:"output|recording|screenshot" doc:"what to keep"`
	Off        flag           `yaml:"off_critical_path" doc:"nothing waits for it when times are measured"`
	Runbook    word           `yaml:"runbook" doc:"what people read when it fails, as a path below runbooks/; the plan's where nothing is said; not part of the digest"`
}

type rawOn struct {
	At     pos    `noun:"on"`
	Role   []word `yaml:"role" one:"1" format:"id" doc:"nodes with one of these roles"`
	Kind   []word `yaml:"kind" one:"1" enum:"vm|physical|container|appliance|service" doc:"nodes of one of these kinds"`
	Site   []word `yaml:"site" one:"1" format:"id" doc:"from, to, or a site; both sites of the move where nothing is said"`
	System []word `yaml:"system" one:"1" format:"id" doc:"nodes of one of these systems"`
	Node   []word `yaml:"node" one:"1" format:"id" doc:"these nodes"`
}

type rawRetry struct {
	At      pos    `noun:"retry"`
	Times   number `yaml:"times" req:"1" doc:"how often"`
	Backoff span   `yaml:"backoff" doc:"wait before each"`
}

type rawCall struct {
	At     pos    `noun:"a call"`
	Action word   `yaml:"action" req:"1" format:"id" doc:"what carries it out"`
	With   params `yaml:"with" doc:"its parameters"`
}

type rawRoster struct {
	At      pos         `noun:"roster.yaml"`
	Version word        `yaml:"version" doc:"enters every digest; a new one voids votes"`
	Teams   []rawTeam   `yaml:"teams" doc:"for separation of duty"`
	People  []rawPerson `yaml:"people" req:"1" doc:"who exists and what they may do"`
}

type rawTeam struct {
	At   pos  `noun:"a team"`
	ID   word `yaml:"id" req:"1" format:"id" doc:"short name"`
	Name word `yaml:"name" doc:"name people use"`
}

type rawPerson struct {
	At       pos          `noun:"a person"`
	ID       word         `yaml:"id" req:"1" format:"id" doc:"account name"`
	Human    word         `yaml:"human" doc:"personnel number; two accounts of one human share it; the id where nothing is said"`
	Name     word         `yaml:"name" req:"1" doc:"name people use"`
	Roles    []word       `yaml:"roles" one:"1" enum:"requester|approver|code_issuer|operator|commander|observer|admin" doc:"what they may do"`
	Teams    []word       `yaml:"teams" one:"1" format:"id" doc:"teams they belong to"`
	Slack    word         `yaml:"slack" doc:"Slack member id"`
	Language word         `yaml:"language" enum:"en|zh" doc:"what they read"`
	Contacts []rawContact `yaml:"contacts" doc:"in the order they are tried"`
	Duty     []rawDuty    `yaml:"duty" doc:"weekly stretches on duty; always where nothing is said"`
	Deputy   []rawDeputy  `yaml:"deputy_for" doc:"whom they may vote for, in their own name"`
	Disabled flag         `yaml:"disabled" doc:"may do nothing"`
}

type rawContact struct {
	At    pos  `noun:"a contact"`
	Kind  word `yaml:"kind" req:"1" enum:"phone|mail|webhook|command" doc:"how"`
	Value word `yaml:"value" req:"1" doc:"number or address"`
}

type rawDuty struct {
	At   pos    `noun:"a duty period"`
	Days []word `yaml:"days" one:"1" enum:"mon|tue|wed|thu|fri|sat|sun" doc:"every day where nothing is said"`
	From word   `yaml:"from" req:"1" format:"clock" doc:"in the organisation's zone"`
	To   word   `yaml:"to" req:"1" format:"until" doc:"before from: past midnight"`
}

type rawDeputy struct {
	At   pos    `noun:"a deputyship"`
	For  word   `yaml:"for" req:"1" format:"id" doc:"person who is away"`
	From moment `yaml:"from" req:"1" doc:"first moment"`
	To   moment `yaml:"to" req:"1" doc:"last moment"`
}

type rawPolicy struct {
	At        pos           `noun:"policy.yaml"`
	Version   word          `yaml:"version" doc:"enters every digest; a new one voids votes"`
	Rules     []rawRule     `yaml:"rules" req:"1" doc:"the first that fits mode and direction counts"`
	Overrides []rawOverride `yaml:"overrides" doc:"checks that may be overridden, and by whom"`
	Severity  []rawSeverity `yaml:"severity" doc:"how much a failing check weighs"`
	Freezes   []rawFreeze   `yaml:"freezes" doc:"dated stretches in which nothing starts without an override"`
}

type rawRule struct {
	At                 pos        `noun:"a rule"`
	ID                 word       `yaml:"id" req:"1" format:"id" doc:"short name"`
	Modes              []word     `yaml:"modes" req:"1" one:"1" enum:"rehearsal|drill|surprise_drill|emergency" doc:"modes it is for"`
	Directions         []word     `yaml:"directions" req:"1" one:"1" enum:"outbound|return" doc:"directions it is for"`
	Profile            word       `yaml:"profile" enum:"standard|small_site" doc:"staffing profile, printed on page 1"`
	Groups             []rawGroup `yaml:"groups" doc:"votes wanted; every group, each by different people"`
	MinPeople          number     `yaml:"min_people" doc:"different people who take part in all"`
	Issuers            []word     `yaml:"issuers" one:"1" enum:"requester|approver|code_issuer|operator|commander|observer|admin" doc:"roles that issue the code"`
	Submitters         []word     `yaml:"submitters" one:"1" enum:"requester|approver|code_issuer|operator|commander|observer|admin" doc:"roles that type it"`
	RequesterMaySubmit flag       `yaml:"requester_may_submit" doc:"whether who asked may also type the code; true where nothing is said"`
	Codes              number     `yaml:"codes" doc:"1, or 2 for two issuers with a code each"`
	Words              flag       `yaml:"words" doc:"whether approvers type three words of the digest"`
	RoundExpiry        span       `yaml:"round_expiry" doc:"how long votes are collected"`
	VoteValidity       span       `yaml:"vote_validity" doc:"how long a vote counts"`
	CodeExpiry         span       `yaml:"code_expiry" doc:"how long a code lives, at most 10m"`
	CodeTries          number     `yaml:"code_tries" doc:"wrong codes a run survives, at most 5"`
	DecideAfter        span       `yaml:"decide_after" doc:"after this any operator on duty decides a step nobody knows about"`
	RTOFrom            word       `yaml:"rto_from" enum:"impact|declared|ordered|requested|started" doc:"clock the RTO counts from"`
	FactsFresh         span       `yaml:"facts_fresh" doc:"how old a preflight fact may be at the start"`
}

type rawGroup struct {
	At    pos    `noun:"a group"`
	Name  word   `yaml:"name" req:"1" doc:"name people use"`
	Roles []word `yaml:"roles" req:"1" one:"1" enum:"requester|approver|code_issuer|operator|commander|observer|admin" doc:"one of these roles"`
	Teams []word `yaml:"teams" one:"1" format:"id" doc:"and in one of these teams, where any is named"`
	N     number `yaml:"n" req:"1" doc:"votes wanted"`
}

type rawOverride struct {
	At    pos    `noun:"an override"`
	Check word   `yaml:"check" req:"1" doc:"check id, or a prefix ending in *"`
	Modes []word `yaml:"modes" req:"1" one:"1" enum:"rehearsal|drill|surprise_drill|emergency" doc:"modes it holds in"`
	Roles []word `yaml:"roles" req:"1" one:"1" enum:"requester|approver|code_issuer|operator|commander|observer|admin" doc:"who may"`
}

type rawSeverity struct {
	At    pos  `noun:"a severity"`
	Check word `yaml:"check" req:"1" doc:"check id, or a prefix ending in *"`
	Mode  word `yaml:"mode" req:"1" enum:"rehearsal|drill|surprise_drill|emergency" doc:"mode it holds in"`
	Level word `yaml:"level" req:"1" enum:"block|warn" doc:"what a failing check does"`
}

type rawFreeze struct {
	At   pos    `noun:"a freeze"`
	Name word   `yaml:"name" req:"1" doc:"name people use"`
	From moment `yaml:"from" req:"1" doc:"first moment"`
	To   moment `yaml:"to" req:"1" doc:"last moment"`
}

// rawUngraceful is a word, or a call of its own.
type rawUngraceful struct {
	At   pos
	Word word
	Call *rawCall
}

// rawAmount is a duration or a number, as the metric wants.
type rawAmount struct {
	At    pos
	N     int64
	Span  bool
	Plain bool
}
