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
  #focused = { key: '', index: -1 };
  readonly #virtualizer: Virtualizer<HTMLElement, HTMLElement>;
  readonly #scroller: () => HTMLElement | null;
  readonly #unmount: () => void;

  constructor(scroller: () => HTMLElement | null) {
    this.#scroller = scroller;
    this.#virtualizer = new Virtualizer(this.#options());
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
  update(messages: readonly Message[]): void {
    if (messages === this.#messages) return;
    this.#messages = messages;
    this.#virtualizer.setOptions(this.#options());
    this.#changed();
  }

  /** Brings the scroll position in step; after the rows are drawn. */
  commit(): void {
    this.#virtualizer._willUpdate();
    this.atEnd = this.#virtualizer.isAtEnd(nearEnd);
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

  toEnd(): void {
    this.#virtualizer.scrollToEnd();
  }

  toIndex(index: number, align: 'start' | 'center' | 'auto'): void {
    this.#virtualizer.scrollToIndex(index, { align });
  }

  /** Scrolls by part of what is on screen. */
  byScreen(part: number): void {
    const height = this.#scroller()?.clientHeight ?? 0;
    this.#virtualizer.scrollBy(part * height);
  }

  dispose(): void {
    this.#unmount();
  }

  #options(): ConstructorParameters<typeof Virtualizer<HTMLElement, HTMLElement>>[0] {
    const messages = this.#messages;
    return {
      count: messages.length,
      getScrollElement: this.#scroller,
      getItemKey: (index) => messages[index]?.key ?? index,
      estimateSize: (index) => estimate(messages[index - 1], messages[index]),
      rangeExtractor: (range) => this.#extract(range),
      onChange: () => this.#changed(),
      observeElementRect,
      observeElementOffset,
      scrollToFn: elementScroll,
      paddingStart: headroom,
      paddingEnd: footroom,
      scrollPaddingStart: 56,
      overscan: 8,
      anchorTo: 'end',
      followOnAppend: true,
      scrollEndThreshold: nearEnd,
    };
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
