package slackfake

// roster are the people of the sample bank, under the ids its roster names.
var roster = [][4]string{
	{"U0HB10041", "lin", "Lin Hua", "zh-CN"},
	{"U0HB10042", "zhao", "Zhao Min", "en-US"},
	{"U0HB10057", "chen", "Chen Yu", "zh-CN"},
	{"U0HB10058", "wu", "Wu Jun", "en-US"},
	{"U0HB20011", "sun", "Sun Li", "zh-CN"},
	{"U0HB20012", "ma", "Ma Rui", "en-US"},
	{"U0HB30003", "huang", "Huang Wei", "zh-CN"},
	{"U0HB30004", "xu", "Xu Fang", "en-US"},
	{"U0HB10043", "gao", "Gao Feng", "zh-CN"},
	{"U0HB10044", "he", "He Jing", "en-US"},
	{"U0HB10059", "luo", "Luo Tao", "zh-CN"},
	{"U0HB10060", "liang", "Liang Bo", "zh-CN"},
	{"U0HB20013", "song", "Song Yan", "zh-CN"},
	{"U0HB20014", "tang", "Tang Hao", "en-US"},
	{"U0HB30005", "deng", "Deng Qiang", "zh-CN"},
	{"U0HB30006", "feng", "Feng Xue", "en-US"},
	{"U0HB40001", "qi", "Qi Ning", "en-US"},
	{"U0HB40002", "ren", "Ren Kai", "zh-CN"},
	{"U0HB50001", "bai", "Bai Lu", "en-US"},
}

// Sample is the workspace of the sample bank: the people of its roster, and somebody of every kind
// an app has to be careful with.
func Sample() Options {
	o := Options{Channels: []Channel{
		{ID: "C0OPS0001", Name: "ops", Topic: "Alarms, questions and recovery"},
		{ID: "C0DRROOM1", Name: "dr-room", Topic: "The control room while a plan runs"},
		{ID: "C0VENDOR1", Name: "with-vendor", Topic: "Shared with the vendor's workspace", ExtShared: true,
			Members: []string{"U0HB10041", "U0HB10057", "U0HB10058", "U0GUEST01", "U0OTHER01", TheApp}},
	}}
	for _, r := range roster {
		o.Users = append(o.Users, User{ID: r[0], Name: r[1], RealName: r[2], Email: r[1] + "@harbor.example", Locale: r[3]})
	}
	o.Users = append(o.Users, Outsiders()...)
	return o
}

// Outsiders are somebody of every kind an app has to be careful with.
func Outsiders() []User {
	return []User{
		{ID: "U0GUEST01", Name: "guest", RealName: "Gus Guest", Restricted: true},
		{ID: "U0GUEST02", Name: "visitor", RealName: "Vera Visitor", UltraRestricted: true},
		{ID: "U0OTHER01", Name: "stranger", RealName: "Sam Stranger", Stranger: true},
		{ID: "U0WORKFL1", Name: "morning", RealName: "Morning Workflow", Workflow: true},
		{ID: "U0OTHERBT", Name: "otherbot", RealName: "Other Bot", Bot: true},
		{ID: "U0GONE001", Name: "leaver", RealName: "Lea Leaver", Deleted: true},
	}
}
