// Who plays whom at the sample bank. Its people have hours; both shifts are there for half an hour around eight.
const hour = new Date(Date.now() + 8 * 3600_000).getUTCHours();
export const cast = hour >= 8 && hour < 20 ? { lin: "lin", chen: "chen", sun: "sun", huang: "huang" } : { lin: "gao", chen: "luo", sun: "song", huang: "deng" };
