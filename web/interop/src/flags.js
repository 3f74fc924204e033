import { parseArgs } from 'node:util';

// Reads flags by a table of {name: [default, what it is]}; --help prints the table and ends
// the process. A default that is a number asks for a number.
export function flags(about, table) {
  const options = { help: { type: 'boolean' } };
  for (const name of Object.keys(table)) options[name] = { type: 'string' };
  const { values } = parseArgs({ options });
  if (values.help) {
    const lines = Object.entries(table).map(
      ([name, [value, what]]) => `  --${name.padEnd(12)} ${what} (${value})`,
    );
    console.log(`${about}\n\n${lines.join('\n')}`);
    process.exit(0);
  }
  const read = ([name, [value]]) => [
    name,
    typeof value === 'number' ? number(name, values[name], value) : (values[name] ?? value),
  ];
  return Object.fromEntries(Object.entries(table).map(read));
}

function number(name, text, otherwise) {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0)
    throw new Error(`--${name} is "${text}": it must be a number from 0 on`);
  return value;
}
