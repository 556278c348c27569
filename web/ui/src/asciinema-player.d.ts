declare module "asciinema-player" {
  export function create(src: unknown, box: HTMLElement, opts?: Record<string, unknown>): { dispose(): void };
}
