declare module 'virtual:emoji' {
  /** emoji, group, label, shortcodes, tags, and five skin tones where there are any */
  const rows: [string, number, string, string, string, string?][];
  export default rows;
}
