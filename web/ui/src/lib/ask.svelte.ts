// Questions the page asks in the middle of something: confirms, reasons, the second factor.
export type Field = { name: string; label: string; hint?: string; kind?: "text" | "area" | "select" | "checks" | "date"; options?: { value: string; label: string }[]; required?: boolean; value?: string; placeholder?: string; mono?: boolean; digits?: boolean };
export type Question = {
  title: string;
  text?: string[];
  fields?: Field[];
  yes: string;
  danger?: boolean;
  /** run is tried on yes; what it throws is shown in the dialog and the dialog stays. */
  run?: (values: Record<string, string>) => Promise<unknown>;
};
export type Open = Question & { answer: (values: Record<string, string> | null) => void };

class Asking {
  open = $state<Open[]>([]);

  ask(q: Question): Promise<Record<string, string> | null> {
    return new Promise((answer) => {
      const one: Open = { ...q, answer: (v) => ((this.open = this.open.filter((o) => o.answer !== one.answer)), answer(v)) };
      this.open.push(one);
    });
  }
}

export const asking = new Asking();

class Toasts {
  list = $state<{ id: number; text: string; hint?: string; bad?: boolean }[]>([]);
  #n = 0;

  say(text: string, opts: { hint?: string; bad?: boolean } = {}) {
    const id = ++this.#n;
    this.list.push({ id, text, ...opts });
    setTimeout(() => this.drop(id), opts.bad ? 12_000 : 5000);
  }
  drop(id: number) {
    this.list = this.list.filter((x) => x.id !== id);
  }
}

export const toasts = new Toasts();
