// Rooms are places in the hash: #/run/r1126-zak9. The server knows nothing of them.
class Route {
  path = $state<string[]>([]);
  query = $state(new URLSearchParams());

  constructor() {
    this.#read();
    window.addEventListener("hashchange", () => this.#read());
  }

  #read() {
    const raw = location.hash.replace(/^#\/?/, "");
    const [path, query] = raw.split("?", 2);
    this.path = path.split("/").filter(Boolean).map(safe);
    this.query = new URLSearchParams(query ?? "");
  }

  get room() {
    return this.path[0] ?? "now";
  }
  get arg() {
    return this.path[1] ?? "";
  }
}

function safe(part: string) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function go(...path: string[]) {
  location.hash = "#/" + path.map(encodeURIComponent).join("/");
}

export const href = (...path: string[]) => "#/" + path.map(encodeURIComponent).join("/");

export const route = new Route();
