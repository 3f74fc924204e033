/** How far a panel stays from its anchor, and from the window's edge. */
const gap = 6;
const margin = 8;

/** Puts a panel of fixed position above its anchor, or below where there is more room, inside the window. */
export function beside(panel: HTMLElement, anchor: HTMLElement): void {
  const at = anchor.getBoundingClientRect();
  const { width, height } = panel.getBoundingClientRect();
  const above = at.top - height - gap;
  const below = at.bottom + gap;
  const fitsBelow = below + height + margin <= innerHeight;
  const top = above >= margin ? above : fitsBelow ? below : Math.max(margin, innerHeight - height - margin);
  const left = Math.min(Math.max(margin, at.right - width), innerWidth - width - margin);
  panel.style.top = `${top}px`;
  panel.style.left = `${left}px`;
}
