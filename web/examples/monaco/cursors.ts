import type { Awareness } from 'y-protocols/awareness';

/** Gives each person's cursor a color and a name: y-monaco only gives it a class with their number. */
export function styleCursors(awareness: Awareness): void {
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets.push(sheet);
  awareness.on('change', () => {
    const rules = [...awareness.getStates()].map(([id, { user }]) => {
      // Both come from others, so neither may end the rule that it stands in.
      if (!CSS.supports('color', user?.color) || typeof user?.name !== 'string') return '';
      const name = user.name.replace(/[^\p{L}\p{N} .-]/gu, '');
      return `.yRemoteSelection-${id} { background: color-mix(in srgb, ${user.color} 25%, transparent) }
        .yRemoteSelectionHead-${id} { --person: ${user.color} }
        .yRemoteSelectionHead-${id}::after { content: '${name}' }`;
    });
    sheet.replaceSync(rules.join('\n'));
  });
}
