// Text from a database, as an operator reads it in one line.

/** Text that neither begins a line of its own nor steers the terminal. */
export function shown(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replaceAll(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '\ufffd')
}
