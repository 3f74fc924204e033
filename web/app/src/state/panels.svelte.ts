import { local } from '../lib/storage';

export type DialogName = 'rooms' | 'settings' | 'shortcuts' | 'token';

const wide = matchMedia('(min-width: 1100px)');
const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';

/** What is open beside the conversation. */
class Panels {
  dialog = $state<DialogName | undefined>();
  /** The room list, where it covers the conversation. */
  drawer = $state(false);
  /** Who is here: stays as it was left where there is room for it, and is closed at first elsewhere. */
  people = $state(wide.matches && (local.read('people', isBoolean) ?? true));

  constructor() {
    // Where it would cover the conversation from now on, it goes.
    wide.addEventListener('change', () => {
      if (!wide.matches) this.people = false;
    });
  }

  togglePeople(): void {
    this.people = !this.people;
    if (wide.matches) local.write('people', this.people);
  }
}

export const panels = new Panels();
