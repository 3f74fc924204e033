/** The one emoji picker of the page: where it stands, and what becomes of the choice. */
class Picker {
  anchor = $state.raw<HTMLElement | undefined>();
  #pick: ((emoji: string) => void) | undefined;

  open(anchor: HTMLElement, pick: (emoji: string) => void): void {
    this.#pick = pick;
    this.anchor = anchor;
  }

  choose(emoji: string): void {
    const pick = this.#pick;
    this.close();
    pick?.(emoji);
  }

  /** Closes it and gives the focus back to where it was opened. */
  close(): void {
    const anchor = this.anchor;
    this.anchor = undefined;
    this.#pick = undefined;
    if (anchor?.isConnected) anchor.focus();
  }
}

export const picker = new Picker();
