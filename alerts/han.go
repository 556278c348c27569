package alerts

import (
	"slices"
	"unicode"
)

// hanWords are the words Chinese monitoring uses, as the rules know them. Chinese is written without gaps, so
// the longest word that fits is taken, from left to right; what is in no list says nothing.
var hanWords = map[string][]string{
	"宕机": {"down"}, "停机": {"down"}, "当机": {"down"}, "掉线": {"offline"}, "离线": {"offline"}, "下线": {"offline"}, "失联": {"unreachable"}, "不可达": {"unreachable"}, "不通": {"unreachable"},
	"无法访问": {"unreachable"}, "无法连接": {"unreachable"}, "不可用": {"unavailable"}, "无响应": {"unresponsive"}, "未响应": {"unresponsive"}, "未就绪": {"notready"}, "崩溃": {"crashed"}, "挂掉": {"dead"},
	"死机": {"hung"}, "停止": {"stopped"}, "中断": {"down", "broken"}, "断开": {"disconnected"}, "断连": {"disconnected"}, "断电": {"power", "lost"}, "掉电": {"power", "lost"}, "市电": {"utility"}, "供电": {"power"},
	"心跳": {"heartbeat"}, "丢失": {"lost"}, "主机": {"host"}, "宿主机": {"host"}, "虚拟机": {"vm"}, "服务器": {"server"}, "节点": {"node"}, "实例": {"instance"}, "进程": {"process"}, "端口": {"port"},
	"探测": {"probe"}, "拨测": {"probe"}, "健康检查": {"healthcheck"}, "检查": {"check"}, "失败": {"failed"}, "异常": {"error"}, "故障": {"fault"}, "告急": {"critical"},
	"数据库": {"database"}, "主库": {"primary"}, "备库": {"standby"}, "从库": {"slave"}, "主从": {"replica"}, "主备": {"replica"}, "副本": {"replica"}, "复制": {"replication"}, "同步": {"sync"}, "主从同步": {"replication"},
	"数据同步": {"replication"}, "远程镜像": {"replication"}, "镜像": {"mirror"}, "延迟": {"delay"}, "时延": {"delay"}, "延时": {"delay"}, "滞后": {"lag"}, "落后": {"lag"}, "只读": {"readonly"}, "暂停": {"suspended"},
	"专线": {"wan"}, "链路": {"link"}, "线路": {"link"}, "光纤": {"fiber"}, "隧道": {"tunnel"}, "跨机房": {"wan"}, "机房间": {"wan"}, "跨中心": {"wan"}, "丢包": {"packet", "loss"}, "网卡": {"nic"}, "网络": {"network"}, "分区": {"partition"}, "脑裂": {"splitbrain"},
	"磁盘": {"disk"}, "硬盘": {"disk"}, "文件系统": {"filesystem"}, "表空间": {"tablespace"}, "空间": {"space"}, "不足": {"low"}, "已满": {"full"}, "写满": {"full"}, "使用率": {"usage"}, "剩余": {"free"}, "容量": {"capacity"},
	"存储": {"storage"}, "阵列": {"storage"}, "控制器": {"controller"}, "多路径": {"multipath"}, "读写": {"io"}, "错误": {"error"}, "降级": {"degraded"}, "坏道": {"sector", "error"},
	"错误率": {"errorrate"}, "成功率": {"success"}, "报错": {"error"}, "超时": {"timeout"}, "响应": {"response"}, "响应时间": {"response"}, "响应慢": {"slow"}, "过慢": {"slow"}, "缓慢": {"slow"}, "慢查询": {"slow"}, "耗时": {"duration"}, "过长": {"long"},
	"连接": {"connection"}, "连接数": {"connections"}, "连接池": {"pool"}, "线程": {"threads"}, "内存": {"memory"}, "负载": {"load"}, "流量": {"bandwidth"}, "积压": {"backlog"}, "堆积": {"backlog"}, "队列": {"queue"}, "过高": {"high"}, "过载": {"overload"}, "限流": {"throttl"}, "耗尽": {"exhaust"},
	"证书": {"certificate"}, "过期": {"expired", "expir"}, "到期": {"expired", "expir"}, "失效": {"invalid"}, "备份": {"backup"}, "发布": {"release"}, "上线": {"release"}, "部署": {"deploy"}, "配置": {"config"}, "变更": {"change"}, "重启": {"restart"}, "频繁": {"often"},
}

const hanLongest = 4

// han splits a run of Chinese signs into words the rules know.
func han(run []rune) []string {
	var out []string
	for i := 0; i < len(run); {
		n := 1
		for k := min(hanLongest, len(run)-i); k > 1; k-- {
			if words, ok := hanWords[string(run[i:i+k])]; ok {
				out, n = append(out, words...), k
				break
			}
		}
		i += n
	}
	return out
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

// script cuts a run of letters where Chinese begins or ends, as in BGP邻居断开.
func script(run []rune) (first, rest []rune) {
	if i := slices.IndexFunc(run, func(r rune) bool { return isHan(r) != isHan(run[0]) }); i > 0 {
		return run[:i], run[i:]
	}
	return run, nil
}
