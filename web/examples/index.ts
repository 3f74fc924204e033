// Who comes with a name or a token keeps them on the pages; a document belongs to one editor.
const query = new URLSearchParams(location.search);
query.delete('doc');
for (const link of document.querySelectorAll<HTMLAnchorElement>('li a')) link.search = query.toString();
