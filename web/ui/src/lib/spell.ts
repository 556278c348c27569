// A code read over a bad line: each symbol with the word that names it. Crockford's alphabet has no
// I, L, O and U.
import type { Lang } from "./prefs.svelte";

const en: Record<string, string> = { A: "Alfa", B: "Bravo", C: "Charlie", D: "Delta", E: "Echo", F: "Foxtrot", G: "Golf", H: "Hotel", J: "Juliett", K: "Kilo", M: "Mike", N: "November", P: "Papa", Q: "Quebec", R: "Romeo", S: "Sierra", T: "Tango", V: "Victor", W: "Whiskey", X: "X-ray", Y: "Yankee", Z: "Zulu", "*": "star", "~": "tilde", $: "dollar", "=": "equals", U: "Uniform", 0: "zero", 1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "niner" };
const zh: Record<string, string> = { A: "阿尔法", B: "布拉沃", C: "查理", D: "德尔塔", E: "回声", F: "狐步", G: "高尔夫", H: "旅馆", J: "朱丽叶", K: "公斤", M: "麦克", N: "十一月", P: "爸爸", Q: "魁北克", R: "罗密欧", S: "山脉", T: "探戈", V: "胜利者", W: "威士忌", X: "X光", Y: "扬基", Z: "祖鲁", "*": "星号", "~": "波浪号", $: "美元符", "=": "等号", U: "制服", 0: "洞", 1: "幺", 2: "两", 3: "三", 4: "四", 5: "五", 6: "六", 7: "拐", 8: "八", 9: "勾" };

export function spell(group: string, lang: Lang): string {
  const words = lang === "zh" ? zh : en;
  return [...group].map((c) => words[c.toUpperCase()] ?? c).join(lang === "zh" ? "、" : " ");
}
