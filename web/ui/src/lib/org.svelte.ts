// The organisation's files as the console needs them; read once and again when they change.
import { ApiError, get } from "./api";
import type { Organisation } from "./types";

class Org {
  value = $state.raw<Organisation | undefined>();
  #asked = false;

  /** want reads them when nobody has yet; a server without this route is still a server. */
  want(): Organisation | undefined {
    if (!this.#asked) {
      this.#asked = true;
      void this.read();
    }
    return this.value;
  }
  async read() {
    try {
      this.value = await get<Organisation>("/api/organisation");
    } catch (e) {
      if (!(e instanceof ApiError)) throw e;
      this.#asked = e.status === 404; // anything else is worth another try
    }
  }
  site(id: string | undefined | null): string {
    return (id && this.want()?.sites?.find((s) => s.id === id)?.name) || id || "";
  }
  system(id: string | undefined | null): string {
    return (id && this.want()?.systems?.find((s) => s.id === id)?.name) || id || "";
  }
}

export const org = new Org();
