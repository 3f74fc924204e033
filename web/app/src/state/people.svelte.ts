import { SvelteMap } from 'svelte/reactivity';
import { displayName } from '../lib/names';

/** The names of the people met so far, since reactions carry ids alone. */
class People {
  readonly #names = new SvelteMap<string, string>();

  /** Takes the name under which somebody does something now. */
  learn(user: string, name: string | undefined): void {
    if (name && this.#names.get(user) !== name) this.#names.set(user, name);
  }

  /** Takes the name under which somebody came: they may have taken another since. */
  meet(user: string, name: string | undefined): void {
    if (!this.#names.has(user)) this.learn(user, name);
  }

  name(user: string): string {
    return displayName({ user, name: this.#names.get(user) });
  }
}

export const people = new People();
