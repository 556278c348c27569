// Who the server takes this browser for.
import { ApiError, del, get, onSignedOut, post } from "./api";
import { clock } from "./clock.svelte";
import { live } from "./live.svelte";
import { prefs } from "./prefs.svelte";
import { loadLanguage } from "./say.svelte";
import type { Me, Person } from "./types";

class Identity {
  who = $state<Me | null>(null);
  known = $state(false); // asked at least once
  people = $state<Person[]>([]);
  problem = $state<ApiError | null>(null);
  ended = $state.raw<ApiError | null>(null); // why somebody who was signed in is not any more

  get person() {
    return this.who?.person ?? "";
  }
  /** phone is the listener that serves voting and codes alone. */
  get phone() {
    return this.who?.rooms !== undefined;
  }
  get demo() {
    return this.who?.demo === true;
  }

  has(role: string) {
    return this.who?.roles?.includes(role) ?? false;
  }

  /** name is what people call somebody; an id nobody knows stays an id. */
  name(id: string | undefined | null): string {
    if (!id) return "";
    return this.people.find((p) => p.id === id)?.name ?? id;
  }

  async load() {
    try {
      this.who = await get<Me>("/api/me");
      this.problem = this.ended = null;
      clock.zone = this.who.time_zone || "UTC"; // as the server takes one that is not named
      this.people = this.who.people ?? [];
      this.known = true; // names may come after faces
      if (this.person || this.demo) live.start();
      if (this.person) this.people = (await get<{ people: Person[] }>("/api/people")).people;
    } catch (e) {
      if (!(e instanceof ApiError)) throw e;
      if (e.status === 401) this.who = null;
      else this.problem = e;
    }
    this.known = true;
  }

  /** be becomes a person of the sample bank. */
  async be(person: string) {
    await post("/api/session", { person });
    await this.#fresh();
  }

  async signIn(person: string, password: string, totp: string) {
    await post("/api/session", { person, password, totp });
    await this.#fresh();
  }

  async signOut() {
    try {
      await del("/api/session");
    } catch (e) {
      if (!(e instanceof ApiError)) throw e; // signed out there already, or not reachable: then here at least
    }
    this.forget();
    await this.load();
  }

  /** forget is the end of being somebody; a reason is shown where one signs in again. */
  forget(why: ApiError | null = null) {
    live.stop();
    this.who = null;
    this.ended = why?.id === "session_ended" ? why : null;
  }

  async #fresh() {
    live.stop();
    await this.load();
    const lang = this.who?.language;
    if (this.demo) return; // one reader plays everybody, and reads one language
    if (lang === "zh" || lang === "en") {
      if (!localStorage.getItem("lang")) {
        await loadLanguage(lang);
        prefs.lang = lang;
        prefs.apply();
      }
    }
  }
}

export const me = new Identity();
onSignedOut((why) => me.forget(why));
