import { HubbubError } from '@hubbub-im/sdk';

export interface Toast {
  id: number;
  text: string;
  kind: 'info' | 'error';
}

const shown = 6_000;

/** Short notes at the foot of the page: what was done, or why it could not be. */
class Toasts {
  list = $state<Toast[]>([]);
  #next = 1;

  info(text: string): void {
    this.#add(text, 'info');
  }

  /** Says why `what` failed, in the hub's words. */
  error(what: string, error: unknown): void {
    const why = error instanceof HubbubError || error instanceof Error ? error.message : String(error);
    this.#add(`${what}: ${why}`, 'error');
  }

  dismiss(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }

  #add(text: string, kind: Toast['kind']): void {
    const id = this.#next++;
    this.list = [...this.list.filter((toast) => toast.text !== text), { id, text, kind }].slice(-3);
    setTimeout(() => this.dismiss(id), kind === 'error' ? 2 * shown : shown);
  }
}

export const toasts = new Toasts();
