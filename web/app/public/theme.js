// Before the first paint, so that nobody who chose dark is shown white. A file of
// its own, since the page's policy allows no script inside the page.
try {
  const theme = JSON.parse(localStorage.getItem('hubbub.app.theme') ?? '""');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // The system's choice stands.
}
