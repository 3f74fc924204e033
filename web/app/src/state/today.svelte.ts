/** The day that it is, for labels such as "Today": it changes while the page is open. */
class Today {
  now = $state(Date.now());

  constructor() {
    this.#wait();
  }

  #wait(): void {
    const midnight = new Date();
    midnight.setHours(24, 0, 1, 0);
    setTimeout(
      () => {
        this.now = Date.now();
        this.#wait();
      },
      // A machine that slept looks at its clock soon after it woke, not a day later.
      Math.min(midnight.getTime() - Date.now(), 10 * 60_000),
    );
  }
}

export const today = new Today();
