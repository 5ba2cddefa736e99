// The blocks of a PEM file (RFC 7468). OpenSSL skips what it cannot read, so that half a file would pass for a whole one.

/**
 * The blocks with this label, such as `CERTIFICATE`, in order.
 *
 * @returns undefined if there is none, or if one has no end
 */
export function pemBlocks(text: string, label: string): string[] | undefined {
  const begin = `-----BEGIN ${label}-----`
  const end = `-----END ${label}-----`
  const blocks: string[] = []
  for (const part of text.split(begin).slice(1)) {
    const at = part.indexOf(end)
    if (at < 0) return undefined
    blocks.push(`${begin}${part.slice(0, at)}${end}\n`)
  }
  return blocks.length === 0 ? undefined : blocks
}
