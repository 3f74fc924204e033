import type { Awareness } from 'y-protocols/awareness';

/** The line above the editor: who is here, how the connection is, and a button that ends or renews it. */
export class Bar {
  readonly #people = document.createElement('ul');
  readonly #state = document.createElement('p');
  readonly #button = document.createElement('button');
  readonly #notice = document.createElement('p');

  constructor(awareness: Awareness, connection: { connect(): void; disconnect(): void }) {
    this.#people.ariaLabel = 'Who is here';
    this.#state.role = 'status';
    this.#notice.role = 'alert';
    this.#notice.className = 'notice';
    this.#button.type = 'button';
    this.#button.textContent = 'Disconnect';
    this.#button.addEventListener('click', () => {
      const leave = this.#button.textContent === 'Disconnect';
      this.#button.textContent = leave ? 'Connect' : 'Disconnect';
      if (leave) connection.disconnect();
      else connection.connect();
    });
    const bar = document.querySelector('.bar');
    bar?.append(this.#people, this.#state, this.#button);
    bar?.after(this.#notice);
    const back = bar?.querySelector('a');
    if (back) back.search = location.search;
    this.say('Connecting');
    this.#draw(awareness);
    awareness.on('change', () => this.#draw(awareness));
  }

  /** Says how the connection is. */
  say(state: string): void {
    if (this.#state.textContent !== state) this.#state.textContent = state;
  }

  /** Says why nothing can be written here; nothing takes it away. */
  warn(reason: string): void {
    this.#notice.textContent = reason;
  }

  // Most bindings keep name and color in the field `user`, Lexical's at the top.
  #draw(awareness: Awareness): void {
    const people = [...awareness.getStates()].flatMap(([id, state]) => {
      const { name, color } = (state.user ?? state) as { name?: string; color?: string };
      return name ? [{ name, color, self: id === awareness.clientID }] : [];
    });
    people.sort((a, b) => Number(b.self) - Number(a.self) || a.name.localeCompare(b.name));
    this.#people.replaceChildren(
      ...people.map(({ name, color, self }) => {
        const person = document.createElement('li');
        person.textContent = self ? `${name} (you)` : name;
        person.style.setProperty('--person', color ?? 'gray');
        return person;
      }),
    );
  }
}
