import { mount } from "svelte";
import App from "./App.svelte";
import "./app.css";
import { me } from "./lib/me.svelte";
import { loadLanguage } from "./lib/say.svelte";
import { prefs } from "./lib/prefs.svelte";

// The first paint already has its words and its colours, so nothing flickers.
prefs.apply();
void me.load();
await loadLanguage(prefs.lang);
mount(App, { target: document.getElementById("app")! });
