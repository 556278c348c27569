// The wish that another of Switchman's own sites take work, for as long as it can be confirmed: a page hears of what
// happens, and nothing happens when a time is over.
import type { OurServers } from "./types";

export function standing(a: OurServers["active_site"] | undefined, now: number) {
  return a?.ask && Date.parse(a.ask.expires_at) > now ? a.ask : undefined;
}
