// Sentences. They live in locale/sentences, where every other surface has its own; the files read
// here are generated from there, one per language, so that a browser loads only the one it shows.
import { prefs, type Lang } from "./prefs.svelte";

type Sentences = Record<string, string>;
const loaded: Partial<Record<Lang, Sentences>> = $state({});

export async function loadLanguage(lang: Lang): Promise<void> {
  if (loaded[lang]) return;
  const file = lang === "zh" ? await import("../gen/sentences.zh.json") : await import("../gen/sentences.en.json");
  loaded[lang] = file.default as Sentences;
}

export type Holes = Record<string, string | number | undefined | null>;

/** t says the sentence ui_<id>; a hole nobody fills stays visible, so that a test sees it. */
export function t(id: string, holes?: Holes): string {
  return say("ui_" + id, holes);
}

/** term says one of our words: term("state", "paused"). A word we do not know is shown as it is. */
export function term(of: string, word: string | undefined | null): string {
  if (!word) return "";
  return loaded[prefs.lang]?.[`term_${of}_${word}`] ?? word;
}

export function say(id: string, holes?: Holes): string {
  const text = loaded[prefs.lang]?.[id] ?? id;
  return holes ? text.replace(/\{(\w+)\}/g, (whole, name: string) => (holes[name] === undefined || holes[name] === null ? whole : String(holes[name]))) : text;
}

/** has tells whether there is such a sentence, for ids a newer server may send. */
export function has(id: string): boolean {
  return loaded[prefs.lang]?.[id] !== undefined;
}

/** comma stands between the members of a list. */
export const comma = () => (prefs.lang === "zh" ? "、" : ", ");
/** semicolon stands between half sentences. */
export const semicolon = () => (prefs.lang === "zh" ? "；" : "; ");

/** verbName is a verb as a button says it. */
export function verbName(verb: string): string {
  const word = term("verb", verb);
  return word.charAt(0).toUpperCase() + word.slice(1);
}
