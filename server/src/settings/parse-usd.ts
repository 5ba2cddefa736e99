/** From dollars as `0.03` to millionths of a dollar. Answers undefined for anything but an amount with up to six decimals. */
export function parseUsd(text: string): number | undefined {
  const [, dollars, decimals = ''] = /^([0-9]{1,6})(?:\.([0-9]{1,6}))?$/.exec(text) ?? []
  if (dollars === undefined) return undefined
  return Number(dollars) * 1_000_000 + Number(decimals.padEnd(6, '0'))
}
