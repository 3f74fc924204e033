import type { Message } from '@hubbub-im/sdk';
import {
  defaultRangeExtractor,
  elementScroll,
  observeElementOffset,
  observeElementRect,
  type Range,
  type VirtualItem,
  Virtualizer,
} from '@tanstack/virtual-core';
import { untrack } from 'svelte';
import { estimate } from '../lib/estimate';

/** Above the first message: the room's beginning, or the sign that older ones are loading. */
export const headroom = 104;
const footroom = 12;

/** How near the end, in pixels, counts as being there. */
const nearEnd = 48;

/**
 * The part of a room's messages that is on screen, and where it scrolls. It is
 * anchored at the end: what comes in above moves nothing, and whoever is at the
 * end stays there.
 */
export class FeedView {
  /** Whether the newest loaded message is on screen. */
  atEnd = $state(true);

  #revision = $state(0);
  #messages: readonly Message[] = [];
  /** What stands before the first of them, and is not shown yet. */
  #above: Message | undefined;
  /** Whether the list reaches the room's end: what comes in at the end of an older part is no news to follow. */
  #live = true;
  /** How tall the part on screen was when it was last looked at. */
  #screen = 0;
  /** The first message that was wholly on screen when others came in above it. */
  #held = '';
  readonly #estimates = new Map<string, number>();
  #focused = { key: '', index: -1 };
  readonly #virtualizer: Virtualizer<HTMLElement, HTMLElement>;
  readonly #scroller: () => HTMLElement | null;
  readonly #unmount: () => void;

  constructor(scroller: () => HTMLElement | null) {
    this.#scroller = scroller;
    this.#virtualizer = new Virtualizer(this.#options());
    this.#virtualizer.shouldAdjustScrollPositionOnItemSizeChange = (item) => this.#compensates(item);
    this.#unmount = this.#virtualizer._didMount();
  }

  /** The rows to draw; each `start` is its distance from the top of the list. */
  get items(): VirtualItem[] {
    void this.#revision;
    return this.#virtualizer.getVirtualItems();
  }

  get height(): number {
    void this.#revision;
    return this.#virtualizer.getTotalSize();
  }

  /** The first and last message on screen, as indices; null while there are none. */
  get visible(): { first: number; last: number } | null {
    void this.#revision;
    const range = this.#virtualizer.range;
    return range && this.#messages.length > 0 ? { first: range.startIndex, last: range.endIndex } : null;
  }

  /** Takes the list as it stands now; before the rows are drawn. */
  update(messages: readonly Message[], above: Message | undefined, live: boolean): void {
    if (messages === this.#messages && live === this.#live) return;
    if (messages[0]?.key !== this.#messages[0]?.key) this.#hold();
    this.#messages = messages;
    this.#above = above;
    this.#live = live;
    this.#virtualizer.setOptions(this.#options());
    this.#changed();
  }

  /** Brings the scroll position in step; after the rows are drawn. */
  commit(): void {
    this.#virtualizer._willUpdate();
    // From what is known already: asking the page would make it lay itself out once more.
    const { scrollOffset, scrollRect } = this.#virtualizer;
    const height = scrollRect?.height ?? 0;
    const below = this.#virtualizer.getTotalSize() - (scrollOffset ?? 0) - height;
    const squeezed = height < this.#screen;
    this.#screen = height;
    // With less room, as above a taller composer or a phone's keyboard, the end is still what is shown.
    if (squeezed && this.atEnd && this.#live) this.toEnd();
    else this.atEnd = below <= nearEnd;
  }

  /** Watches a row's height for as long as it is drawn. */
  measure = (row: HTMLElement): (() => void) => {
    this.#virtualizer.measureElement(row);
    return () => this.#virtualizer.measureElement(null);
  };

  /** The row of a message that has the focus is drawn wherever it is. */
  keep(key: string): void {
    this.#focused = { key, index: this.indexOf(key) };
  }

  indexOf(key: string): number {
    const { key: focused, index } = this.#focused;
    if (key === focused && this.#messages[index]?.key === key) return index;
    return this.#messages.findIndex((message) => message.key === key);
  }

  /** Waits until a message has come into the list, and says whether it did. */
  async appears(key: string): Promise<boolean> {
    for (let frames = 0; frames < 30 && this.indexOf(key) < 0; frames++) await frame();
    return this.indexOf(key) >= 0;
  }

  toEnd(): void {
    this.#virtualizer.scrollToEnd();
  }

  /**
   * Brings a row on screen, and resolves when it has come to rest there: rows are measured as they come
   * in sight, and what was aimed at by estimate is aimed at again. Rows put in above meanwhile would
   * lead it astray.
   */
  async toIndex(index: number, align: 'start' | 'center' | 'auto'): Promise<void> {
    this.#virtualizer.scrollToIndex(index, { align });
    let last = Number.NaN;
    for (let still = 0, frames = 0; still < 3 && frames < 60; frames++) {
      await frame();
      const offset = this.#virtualizer.scrollOffset ?? 0;
      still = offset === last ? still + 1 : 0;
      last = offset;
    }
  }

  dispose(): void {
    this.#unmount();
  }

  #options(): ConstructorParameters<typeof Virtualizer<HTMLElement, HTMLElement>>[0] {
    const messages = this.#messages;
    const above = this.#above;
    return {
      count: messages.length,
      getScrollElement: this.#scroller,
      getItemKey: (index) => messages[index]?.key ?? index,
      estimateSize: (index) => this.#estimate(messages[index - 1] ?? above, messages[index]),
      rangeExtractor: (range) => this.#extract(range),
      onChange: () => this.#changed(),
      // The virtualizer tells of another height only if other rows come in sight by it.
      observeElementRect: (instance, take) =>
        observeElementRect(instance, (rect) => {
          take(rect);
          this.#changed();
        }),
      observeElementOffset,
      scrollToFn: elementScroll,
      paddingStart: headroom,
      paddingEnd: footroom,
      scrollPaddingStart: 56,
      overscan: 8,
      anchorTo: 'end',
      followOnAppend: this.#live,
      scrollEndThreshold: nearEnd,
    };
  }

  /** Remembers what is being read, until what comes in above it has been measured. */
  #hold(): void {
    const offset = this.#virtualizer.scrollOffset ?? 0;
    const first = this.#virtualizer.getVirtualItems().find((item) => item.start >= offset);
    const key = String(first?.key ?? '');
    this.#held = key;
    void frame()
      .then(frame)
      .then(frame)
      .then(() => {
        if (this.#held === key) this.#held = '';
      });
  }

  /**
   * Whether a row's height, now that it is known, moves the scroll position, so that what is being read
   * stays where it is. The library does so for rows that begin above the screen; but when somebody is at
   * the very top, the newest of what comes in above is on screen too.
   */
  #compensates({ index, key, start, end }: VirtualItem): boolean {
    const offset = this.#virtualizer.scrollOffset ?? 0;
    if (this.#held && index < this.indexOf(this.#held)) return true;
    if (!this.#virtualizer.itemSizeCache.has(key)) return start < offset;
    return end <= offset && this.#virtualizer.scrollDirection !== 'backward';
  }

  /**
   * How tall a row will about be: the same for as long as it is not measured, whatever becomes of its
   * message. The library keeps an estimate that proved right as an estimate, and makes up for no change in it.
   */
  #estimate(previous: Message | undefined, message: Message | undefined): number {
    if (!message) return 0;
    const known = this.#estimates.get(message.key);
    if (known !== undefined) return known;
    if (this.#estimates.size > 4 * this.#messages.length + 4_000) this.#estimates.clear();
    const size = estimate(previous, message);
    this.#estimates.set(message.key, size);
    return size;
  }

  #extract(range: Range): number[] {
    const indices = defaultRangeExtractor(range);
    const focused = this.#focused.key ? this.indexOf(this.#focused.key) : -1;
    this.#focused.index = focused;
    const first = indices[0] ?? 0;
    const last = indices.at(-1) ?? -1;
    if (focused >= 0 && focused < first) indices.unshift(focused);
    if (focused > last) indices.push(focused);
    return indices;
  }

  #changed(): void {
    untrack(() => this.#revision++);
  }
}

function frame(): Promise<number> {
  return new Promise(requestAnimationFrame);
}
