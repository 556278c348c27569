//go:build !race

package prompts_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/llm/llmfake"
	"github.com/switchman-dr/switchman/prompts"
)

// control is a passage as runbooks have it and what a well-behaved model says about it: "quote | text".
type control struct {
	passage string
	says    []string
	lang    string
}

// controls come near everything that is dropped: approvals as a rule, commands with addresses, numbers in
// words, placeholders, host names, passwords that are asked for.
func controls() []control {
	return []control{
		{"## Promote\n\nOn {node} run `pg_ctl promote -D /var/lib/postgresql/16/main`. It takes about ten\nseconds; watch `pg_is_in_recovery()` turn false.",
			[]string{"run `pg_ctl promote -D /var/lib/postgresql/16/main` | On {node}, run pg_ctl promote -D /var/lib/postgresql/16/main.", "It takes about ten\nseconds | It takes about 10 seconds.", "watch `pg_is_in_recovery()` turn false | It is done when pg_is_in_recovery() turns false."}, "en"},
		{"## Before you start\n\nA switchover needs two approvals. Once the run has been approved, a manager issues the security code, which is good for ten minutes.",
			[]string{"A switchover needs two approvals | You need two approvals.", "Once the run has been approved, a manager issues the security code | Once the run has been approved, a manager issues the security code.", "good for ten minutes | The code is good for 10 minutes."}, "en"},
		{"Never start before both approvers have voted, and never post the security code in chat.\nNothing runs without approval.",
			[]string{"Never start before both approvers have voted | Don't start before both approvers have voted.", "never post the security code in chat | Never post the security code in chat.", "Nothing runs without approval | Nothing runs without approval."}, "en"},
		{"## Health\n\n```sh\ncurl -s http://{node}:8080/health | jq .status\n```\n\nThe answer must be \"ok\" on all three gateways.",
			[]string{"The answer must be \"ok\" on all three gateways | The health check must say ok on all three gateways.", "curl -s http://{node}:8080/health | jq .status | Ask each gateway for its health."}, "en"},
		{"Replication lag above 30 s: stop the batch (`batchctl stop --all`), then wait until `lag_seconds` is 0. If it does not fall within 15 minutes, call the DBA on duty.",
			[]string{"stop the batch (`batchctl stop --all`) | Stop the batch with batchctl stop --all.", "wait until `lag_seconds` is 0 | Wait until lag_seconds is 0.", "If it does not fall within 15 minutes, call the DBA on duty | Call the DBA on duty if the lag does not fall within 15 minutes."}, "en"},
		{"| parameter | value |\n|---|---|\n| max_connections | 400 |\n| wal_level | replica |\n\nChange them in postgresql.conf on {node} and reload.",
			[]string{"| max_connections | 400 | | max_connections is 400.", "Change them in postgresql.conf on {node} and reload | Change it in postgresql.conf on {node}, then reload."}, "en"},
		{"DNS: lower the TTL of the records to 60 an hour before. After the switchover run `dnsctl point ledger west` and check with `dig +short ledger.bank.example`.",
			[]string{"lower the TTL of the records to 60 an hour before | Lower the TTL to 60 an hour before the switchover.", "run `dnsctl point ledger west` | After the switchover, run dnsctl point ledger west.", "check with `dig +short ledger.bank.example` | Check it with dig +short ledger.bank.example."}, "en"},
		{"Certificates of {node} expire on 2027-03-01. Renew with `certctl renew <node>` thirty days before; the private key never leaves the host.",
			[]string{"expire on 2027-03-01 | They expire on 2027-03-01.", "Renew with `certctl renew <node>` thirty days before | Renew 30 days before with certctl renew <node>.", "the private key never leaves the host | The private key never leaves the host."}, "en"},
		{"The regulator is told within 30 minutes when customers were affected; the branch office within 10. The text is in the plan's notices, the phone numbers in the roster.",
			[]string{"The regulator is told within 30 minutes when customers were affected | Tell the regulator within 30 minutes if customers were affected.", "the branch office within 10 | The branch office is told within 10 minutes."}, "en"},
		{"Queue drained? `rabbitmqctl list_queues` must show 0 ready messages on {node}; if messages stay unacked, restart the consumer with scripts/restart-consumer.sh.",
			[]string{"must show 0 ready messages on {node} | The queues of {node} must show 0 ready messages.", "restart the consumer with scripts/restart-consumer.sh | If messages stay unacked, restart the consumer with scripts/restart-consumer.sh."}, "en"},
		{"The password of the break-glass account is in the safe at site west. Ask the duty manager; two people open it.",
			[]string{"The password of the break-glass account is in the safe at site west | The break-glass password is kept in the safe at site west.", "Ask the duty manager; two people open it | Ask the duty manager: two people open the safe."}, "en"},
		{"Switch back on the next evening, after the batch window (22:00-01:30). It is a plan of its own with its own approvals and code.",
			[]string{"after the batch window (22:00-01:30) | Switch back after the batch window, 22:00-01:30.", "It is a plan of its own with its own approvals and code | Switching back is its own plan, with its own approvals and code."}, "en"},
		{"Kubernetes: `kubectl -n ledger rollout status deploy/ledger-app` must end with \"successfully rolled out\". Pods in CrashLoopBackOff: look at `kubectl logs --previous`.",
			[]string{"`kubectl -n ledger rollout status deploy/ledger-app` must end | kubectl -n ledger rollout status deploy/ledger-app must end well.", "look at `kubectl logs --previous` | For pods in CrashLoopBackOff, look at kubectl logs --previous."}, "en"},
		{"## 提升备库\n\n在 {node} 上执行 `pg_ctl promote -D /var/lib/postgresql/16/main`，约十秒完成，\n确认 `pg_is_in_recovery()` 返回 false。",
			[]string{"在 {node} 上执行 `pg_ctl promote -D /var/lib/postgresql/16/main` | 在 {node} 上执行 pg_ctl promote -D /var/lib/postgresql/16/main。", "约十秒完成 | 约 10 秒完成。", "确认 `pg_is_in_recovery()` 返回 false | 完成后 pg_is_in_recovery() 返回 false。"}, "zh"},
		{"切换须经两人审批。审批通过后，由经理签发安全码，十分钟内有效。安全码只能在控制台输入，不得发到群里。",
			[]string{"切换须经两人审批 | 切换需要两人审批。", "审批通过后，由经理签发安全码 | 审批通过后，由经理签发安全码。", "不得发到群里 | 安全码不得发到群里。"}, "zh"},
		{"未经审批不得开始切换；任何人不得跳过预检。", []string{"未经审批不得开始切换 | 未经审批不得开始切换。", "任何人不得跳过预检 | 不得跳过预检。"}, "zh"},
		{"复制延迟超过 30 秒：先停批量（`batchctl stop --all`），等待 `lag_seconds` 归零；15 分钟内不下降时联系值班 DBA。",
			[]string{"先停批量（`batchctl stop --all`） | 先用 batchctl stop --all 停止批量。", "15 分钟内不下降时联系值班 DBA | 15 分钟内不下降就联系值班 DBA。"}, "zh"},
		{"客户受影响时，30 分钟内报告监管部门，10 分钟内通知网点。文本见计划中的通知，电话见通讯录。",
			[]string{"30 分钟内报告监管部门 | 客户受影响时，30 分钟内报告监管部门。", "10 分钟内通知网点 | 10 分钟内通知网点。"}, "zh"},
		{"回切安排在次日晚间，避开 22:00-01:30 的批量窗口。回切是独立的计划，有自己的审批和安全码。",
			[]string{"避开 22:00-01:30 的批量窗口 | 回切避开 22:00-01:30 的批量窗口。", "有自己的审批和安全码 | 回切有自己的审批和安全码。"}, "zh"},
		{"证书 2027-03-01 到期，提前三十天用 `certctl renew <node>` 续期，私钥不离开主机 {node}。",
			[]string{"证书 2027-03-01 到期 | 证书 2027-03-01 到期。", "提前三十天用 `certctl renew <node>` 续期 | 提前 30 天用 certctl renew <node> 续期。"}, "zh"},
		{"健康检查：`curl -s http://{node}:8080/health`，三个网关都应返回 ok；不正常时查看 /var/log/gateway/error.log。",
			[]string{"三个网关都应返回 ok | 三个网关的健康检查都应返回 ok。", "不正常时查看 /var/log/gateway/error.log | 不正常时查看 /var/log/gateway/error.log。"}, "zh"},
		{"应急账户的口令在西中心保险柜，由值班经理与安全员两人同时开启。", []string{"应急账户的口令在西中心保险柜 | 应急账户的口令保存在西中心保险柜。", "由值班经理与安全员两人同时开启 | 由值班经理和安全员两人一起开启。"}, "zh"},
		{"Stop the writers first, on both {node} and its peer: `ledgerctl freeze --drain 60s`. Reads go on.",
			[]string{"`ledgerctl freeze --drain 60s` | 先在 {node} 及其对端执行 ledgerctl freeze --drain 60s 停止写入。", "Reads go on | 读取不受影响。"}, "zh"},
		{"切换完成后，在 {node} 上核对笔数与金额：`reconcile --both-sides`，差异必须为 0。",
			[]string{"在 {node} 上核对笔数与金额：`reconcile --both-sides` | Compare counts and amounts on {node} with reconcile --both-sides.", "差异必须为 0 | The difference must be 0."}, "en"},
		{"Storage: if array {node} reports io_errors, detach the LUN before the failover. Don't force-mount: the file system may have been written by the other site.",
			[]string{"detach the LUN before the failover | Detach the LUN before the failover.", "Don't force-mount | Don't force-mount: the other site may have written to the file system."}, "en"},
		{"The switchover is complete when all probes of {node} are green. Only then may the batch be started again; the duty manager gives the order.",
			[]string{"The switchover is complete when all probes of {node} are green | The switchover is complete when all probes of {node} are green.", "Only then may the batch be started again | Start the batch again only after that."}, "en"},
		{"切换开始前确认 {node} 已停止写入；切换完成后由值班经理宣布恢复。投票通过后方可签发安全码。",
			[]string{"切换开始前确认 {node} 已停止写入 | 切换前确认 {node} 已停止写入。", "切换完成后由值班经理宣布恢复 | 切换完成后由值班经理宣布恢复。", "投票通过后方可签发安全码 | 投票通过后方可签发安全码。"}, "zh"},
		{"In a rehearsal nothing outside moves: no votes, no code. Use it to see the plan and its times.", []string{"In a rehearsal nothing outside moves | A rehearsal moves nothing outside.", "Use it to see the plan and its times | Use it to see the plan and its times."}, "en"},
	}
}

// TestControls lets a well-behaved model answer: what is true and proven must come through.
func TestControls(t *testing.T) {
	var reply string
	server := llmfake.New(llmfake.Obeys(func(llmfake.Query) string { return reply }))
	defer server.Close()
	c := client(t, server)
	answers, said, kept := 0, 0, 0
	for _, node := range []string{"ledger-db-w1", "gw-e2", "10.1.0.11", "cards-app-e3.bank.example"} {
		for _, control := range controls() {
			name := strings.NewReplacer("{node}", node)
			r := prompts.Reply{Answered: true}
			for _, s := range control.says {
				i := strings.LastIndex(s, " | ")
				r.Statements = append(r.Statements, prompts.Draft{Source: "P2", Quote: name.Replace(s[:i]), Text: name.Replace(s[i+3:])})
			}
			b, _ := json.Marshal(r)
			reply = string(b)
			got, err := ask(t, c, prompts.Answer{Lang: control.lang, Question: "?", Passages: []prompts.Passage{ledger[0], {ID: "x", Title: "Runbook", Text: name.Replace(control.passage)}, ledger[1]}})
			answers, said, kept = answers+1, said+2*len(r.Statements), kept+len(got)
			if err != nil || len(got) != 2*len(r.Statements) {
				_, dropped := prompts.Accept(r, []prompts.Passage{ledger[0], {Text: name.Replace(control.passage)}})
				t.Logf("%v, %v of %s", err, dropped, reply)
			}
		}
	}
	t.Logf("%d answers: %d of %d statements kept", answers, kept/2, said/2)
	if answers < 100 || kept*100 < said*95 {
		t.Errorf("%d answers: %d of %d statements kept", answers, kept/2, said/2)
	}
}
