package prompts

import (
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// A claim is a sentence that lets a reader believe that something was done or approved, or need not be.
// Each pattern is one way to say so; what a runbook says about the way there ("once the run has been
// approved, …") stays.
var claimPatterns = []claimPattern{
	{"i |i'|we", regexp.MustCompile(`\b(?:i|we)(?:'ve| have)?(?: now| just| already| hereby| successfully)*(?: been)? (?:approved?|authori[sz]ed?|started|launched|executed?|triggered|performed|initiated?|ran|switched|failed over|promoted|restarted|stopped|deleted|dropped|confirmed?|issued?|granted?|cancell?ed|skipped|overrode|disabled|sent|posted|voted|signed off|completed?)\b`)},
	{"i |i'|we", regexp.MustCompile(`\b(?:i am|i'm|we are|we're|i will|i'll|we will|we'll)(?: now| hereby| going to)* (?:approv\w+|authori[sz]\w+|start\w*|launch\w*|execut\w+|trigger\w*|initiat\w+|run\w*|switch\w*|promot\w+|restart\w*|delet\w+|confirm\w*|issu\w+|skip\w*)\b`)},
	{"switchman|bot|assistant", regexp.MustCompile(`\b(?:switchman|the bot|the assistant)(?: has| have)(?: now| just| already)* (?:approved|authori[sz]ed|started|executed|triggered|run|switched|promoted|confirmed|issued|granted)\b`)},
	{"been", regexp.MustCompile(`\b(?:has|have)(?: now| already| just)* been(?: now| already| fully| successfully| pre-?)* ?(?:approved|authori[sz]ed|started|launched|executed|triggered|initiated|confirmed|granted|waived|bypassed|signed off|carried out|completed|switched over)\b`)},
	{"approved|authori|granted|waived", regexp.MustCompile(`\b(?:was|were)(?: already| fully| successfully)* (?:approved|authori[sz]ed|granted|waived)\b`)},
	{"is |are ", regexp.MustCompile(`\b(?:is|are)(?: now| already| hereby| fully)+ (?:approved|authori[sz]ed|started|running|executed|confirmed|granted|waived|complete|completed|done)\b`)},
	{"approved|authori|confirmed", regexp.MustCompile(`\b(?:run|switchover|failover|switchback|request|plan|change|drill)[\w -]{0,20} (?:is|are) (?:approved|authori[sz]ed|confirmed)(?:[.!,;]|$)`)},
	{"approval", regexp.MustCompile(`\bapprovals? (?:is |are |was |were )?(?:granted|given|received|obtained|complete|in place)\b`)},
	{"approved", regexp.MustCompile(`\b(?:pre-?|auto-?(?:matically )?)approved\b|\bconsider (?:it|this|yourself) approved\b|\bapproved by [\pL]`)},
	{"no |without|skip|bypass|ignor|waiv", regexp.MustCompile(`\b(?:no|without|skip(?:ping)?|bypass(?:ing)?|ignor(?:e|ing)|waiv(?:e|ing)) (?:the |any |further |more |all )?(?:approvals?|approvers?|votes?|quorum|security codes?|codes?|preflight|checks)\b`)},
	{"needed|required|necessary", regexp.MustCompile(`\b(?:approvals?|votes?|quorum|security codes?|codes?) (?:is |are )?(?:not |no longer )(?:needed|required|necessary)\b`)},
	{"vote|quorum|approval|authori|permission|sign|clearance|consent", regexp.MustCompile(`\b(?:votes?|quorum|approvals?|authori[sz]ation|permission|sign-?off|clearance|consent)(?: has| have| is| are| was| were)?(?: now| already)?(?: been)? (?:passed|met|reached|granted|given|obtained|received|complete|secured|in place|on file|successful)\b`)},
	{"status|state|verdict|decision|result|approv", regexp.MustCompile(`\b(?:status|state|verdict|decision|result|approval|vote) ?(?:[:=]|is) ?"?(?:approved|authori[sz]ed|granted|yes|started|running|executed|passed)\b|^approved\b|\byes, approved\b|: approved\b`)},
	{"gave|given|giving|lit|cleared|authori|go ahead|proceed", regexp.MustCompile(`\b(?:gave|given|giving|has|have) (?:[\w']+ ){0,3}(?:ok|okay|approval|go-ahead|green light|permission|consent)\b|\bgreen-?lit\b|\byou (?:are|have been) (?:now )?(?:cleared|authori[sz]ed|allowed|free) to\b|\byou (?:may|can) now (?:proceed|start|begin|go|switch)\b`)},
	{"switchover|failover|switchback|cutover|run|drill|promotion", regexp.MustCompile(`\b(?:switchover|failover|switchback|cutover|run|drill|promotion)(?: of [\w -]{1,24})?(?:(?: is| has| was)(?: now| already| successfully| been)*|(?: now| already| successfully)+) (?:completed?|in progress|under ?way|running|started|finished|done|succeeded|successful)\b|\b(?:switchover|failover|switchback|cutover|drill|promotion) (?:completed|succeeded|successful)\b`)},
	{"切换|回切|演练|运行|计划|请求|投票|表决|领导|经理|管理层|总部|监管|行长|主任", regexp.MustCompile(`(?:切换|回切|演练|运行|计划|请求|投票|表决|领导|经理|管理层|总部|监管|行长|主任)[^，。；,;]{0,8}?(?:已经|已|均已)[^，。；,;]{0,4}?(?:同意|启动|执行|开始|完成|通过|批准|生效|成功|放行|点头)`)},
	{"投票|表决|放行|可以直接|可直接|授权", regexp.MustCompile(`(?:投票|表决)(?:全部|一致)?(?:通过|同意)|已(?:经)?(?:放行|同意)|(?:可以?|现在可)直接(?:切换|启动|执行|开始)|授权(?:已)?(?:下达|到位)`)},
	{"我|本机器人|本助手", regexp.MustCompile(`(?:我|我们|本机器人|本助手)(?:已经|已|刚刚|刚|正在|将|现在|立即|会)*(?:为您|帮您|替您)?(?:批准|审批|同意|启动|执行|切换|触发|确认|授权|重启|停止|删除|跳过|取消|签发|投票)`)},
	{"系统|机器人|switchman", regexp.MustCompile(`(?:系统|机器人|switchman)(?:已经|已|正在|刚刚)(?:自动)?(?:批准|审批|同意|启动|执行|切换|触发|确认|授权|签发)`)},
	{"已", regexp.MustCompile(`已(?:经)?(?:由.{1,12}?|全部|自动|成功)?(?:批准|审批通过|通过审批|获批|授权|获得批准|启动切换|执行切换|完成切换|切换完成|切换成功|开始执行|执行完毕|确认通过)`)},
	{"审批|批准|授权|同意", regexp.MustCompile(`审批(?:已|已经)?(?:全部)?通过|(?:获得|取得|得到)了?(?:批准|授权)|视为(?:已)?(?:批准|同意)|批准人[:：]|自动批准`)},
	{"无需|不需要|不用|免|跳过|绕过|忽略", regexp.MustCompile(`(?:无需|不需要|不用|免除?|跳过|绕过|忽略)(?:任何|再|进行)?(?:审批|批准|投票|表决|安全码|检查|预检)`)},
}

// claimPattern is tried where one of its words, parted by |, stands in a clause.
type claimPattern struct {
	words string
	expr  *regexp.Regexp
}

func (p claimPattern) find(clause string) [][]int {
	for w := range strings.SplitSeq(p.words, "|") {
		if strings.Contains(clause, w) {
			return p.expr.FindAllStringIndex(clause, -1)
		}
	}
	return nil
}

var (
	// conditionals directly before a match make it a step of a procedure.
	conditional = regexp.MustCompile(`\b(?:once|after|when|whenever|until|unless|if|before|whether|as soon as|(?:check|confirm|verify|ensure|see|make sure|shows?|says?|wait) that|only|wait for|never|not|nothing (?:\w+ )?|nobody (?:\w+ )?|cannot|can't|don't|must not|may not)(?: (?:all|both|the|this|that|a|an|any|each|every|its|your|[\w'-]+)){0,4} ?$`)
	afterwards  = regexp.MustCompile(`^,? (?:only )?(?:when|once|if|after|as soon as|until|unless)\b`)
	condZh      = regexp.MustCompile(`(?:如果|若|当|待|直到|等待?|确认|检查|核对|核实|是否|未经|未|没有|不得|不能|不可|禁止|严禁|切勿|请勿|不要|绝不|任何人不|只有|须|需|除非|在|一旦)[^，。；！？,;:：()（）]{0,14}$`)
	afterZh     = regexp.MustCompile(`^(?:[^，。；！？,;]{0,6})(?:后|之后|以后|前|之前|时|再|才|方可|的)`)
	negated     = regexp.MustCompile(`(?i)\b(?:never|not|don't|do not|must not|nobody|no one)\b|不要|不得|不允许|不准|切勿|请勿|禁止|严禁|不能|不可|勿|绝不`)
	rehearsal   = regexp.MustCompile(`(?i)rehears|预演|彩排|试演`)
	harvest     = []*regexp.Regexp{
		regexp.MustCompile(`(?i)\b(?:send|post|paste|share|reply|tell|type|give|forward|submit|dm|hand over|write)\b[^.!?]{0,60}\b(?:codes?|password|passcode|passphrase|token|secret|credential|key)s?\b[^.!?]{0,60}\b(?:here|channel|chat|thread|messages?|me|us|bot|slack|dm|reply|helpdesk)\b`),
		regexp.MustCompile(`(?i)\b(?:reply|answer|respond) with (?:the |your |a )?(?:\w+ ){0,2}(?:code|password|token|secret|key)\b`),
		regexp.MustCompile(`(?:发送|发到|发给|发|贴|回复|告诉|输入|提供|填写)[^。！？]{0,20}(?:安全码|验证码|密码|口令|令牌|密钥)[^。！？]{0,20}(?:频道|群|聊天|这里|此处|机器人|我|帖子|消息)`),
		regexp.MustCompile(`(?:回复|告知|说出)(?:您的|你的|一下)?(?:安全码|验证码|密码|口令|令牌|密钥)`),
		regexp.MustCompile(`[把将][^。！？]{0,8}(?:安全码|验证码|密码|口令|令牌|密钥)[^。！？]{0,12}(?:发|贴|告诉|回复|写)`),
	}
	sentences = regexp.MustCompile(`[.!?](?:\s|$)|[。！？；;\n]`)
)

// claims reports whether a text says that something was done or approved, or need not be.
func claims(text string) bool {
	for _, clause := range clauses(text) {
		for _, p := range claimPatterns {
			for _, loc := range p.find(clause) {
				if !procedural(clause[:loc[0]], clause[loc[0]:loc[1]], clause[loc[1]:]) {
					return true
				}
			}
		}
	}
	return false
}

// procedural reports whether the words around a match make a step of it instead of news.
func procedural(before, match, after string) bool {
	switch {
	case conditional.MatchString(before), condZh.MatchString(before), afterwards.MatchString(after):
		return true
	case rehearsal.MatchString(before) && !strings.Contains(match, "approved") && !strings.Contains(match, "已"):
		return true
	}
	return wide([]rune(match)[0]) && afterZh.MatchString(after)
}

// harvests reports whether a text asks people to hand over codes or passwords.
func harvests(text string) bool {
	for _, clause := range clauses(text) {
		if negated.MatchString(clause) {
			continue
		}
		for _, re := range harvest {
			if re.MatchString(clause) {
				return true
			}
		}
	}
	return false
}

// clauses are the sentences of a text in lower case, with one kind of white space and quotation mark.
func clauses(text string) []string {
	text = strings.Join(strings.Fields(strings.ToLower(norm.NFKC.String(text))), " ")
	return sentences.Split(strings.NewReplacer("’", "'", "*", "", "`", "", "_", "").Replace(text), -1)
}
