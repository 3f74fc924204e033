import { isString, local } from './storage';

/** `system` follows the machine. */
export type Theme = 'system' | 'light' | 'dark';

export const themes: { id: Theme; label: string }[] = [
  { id: 'system', label: 'System' },
  { id: 'light', label: 'Light' },
  { id: 'dark', label: 'Dark' },
];

/** The theme chosen in this browser. public/theme.js reads it too, before the page is painted. */
export function readTheme(): Theme {
  const kept = local.read('theme', isString);
  return kept === 'light' || kept === 'dark' ? kept : 'system';
}

export function setTheme(theme: Theme): void {
  if (theme === 'system') {
    local.remove('theme');
    delete document.documentElement.dataset.theme;
  } else {
    local.write('theme', theme);
    document.documentElement.dataset.theme = theme;
  }
}
