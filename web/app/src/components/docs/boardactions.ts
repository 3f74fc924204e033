import type { Card } from '../../lib/docs/board';

/** What can be done with a board. */
export interface BoardActions {
  /** Gives back the id of the new card. */
  add(column: string, title: string): string;
  edit(card: string, change: Partial<Omit<Card, 'id'>>): void;
  remove(card: string): void;
  /** Puts a card before the one at that index, not counting itself. */
  move(card: string, column: string, index: number): void;
  /** Moves a card so many columns to the right, or to the left. */
  step(card: string, by: number): void;
  rename(column: string, title: string): void;
  removeColumn(column: string): void;
}

/** The kind of data that a card carries while it is dragged. */
export const cardType = 'application/x-hubbub-card';
