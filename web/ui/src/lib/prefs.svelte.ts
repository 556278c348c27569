// What a person chose for this browser: language and theme. Nothing secret is ever kept here.

export type Lang = "en" | "zh";
export type Theme = "auto" | "light" | "dark";

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // a browser that keeps nothing is a browser to be served
  }
}

function keep(key: string, value: string) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // chosen again next time
  }
}

class Prefs {
  lang = $state<Lang>(read("lang") === "zh" || (read("lang") === null && navigator.language.toLowerCase().startsWith("zh")) ? "zh" : "en");
  theme = $state<Theme>((["light", "dark"] as const).find((t) => t === read("theme")) ?? "auto");

  setLang(lang: Lang) {
    this.lang = lang;
    keep("lang", lang);
    this.apply();
  }

  setTheme(theme: Theme) {
    this.theme = theme;
    keep("theme", theme);
    this.apply();
  }

  apply() {
    const root = document.documentElement;
    root.lang = this.lang === "zh" ? "zh-CN" : "en";
    if (this.theme === "auto") root.removeAttribute("data-theme");
    else root.dataset.theme = this.theme;
  }
}

export const prefs = new Prefs();
