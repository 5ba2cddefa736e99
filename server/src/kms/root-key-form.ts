// The text of the root key file. Form 1 has one line. Form 2 is a ring: it also names the installation, and says that MACs are
// required. It begins with its name and ends with `end`, so that a file that was cut is never a smaller ring. Whatever this
// version does not know is refused, since it may be a limit that a newer one has set.

/** The content of a root key file. */
export interface RootKeyText {
  /** 16 lower-case hex characters. */
  id: string
  /** 32 bytes. */
  bytes: Buffer
  /** A UUID in lower case. Undefined: form 1, which does not name it. */
  installationId: string | undefined
  /** Whether a row without a MAC is a forged row. */
  requiresMacs: boolean
}

const form1 = /^khroot1:([0-9a-f]{16}):([0-9a-f]{64})$/
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const entry = /^([0-9a-f]{16}) ([0-9a-f]{64})$/

const putBack = 'put the right file back from your backup'

/**
 * Reads the text of a root key file. An editor or a transfer may have put a byte order mark before it, and other line ends
 * into it; the last line end may be missing.
 *
 * @returns a string: why it is none, and what to do; it shows nothing of the text
 */
export function parseRootKeyText(text: string): RootKeyText | string {
  const lines = text
    .replace(/^\uFEFF/, '')
    .replace(/\r?\n$/, '')
    .split(/\r?\n/)
  const [first = '', ...rest] = lines
  if (first === 'khroot2') return parseRing(rest)
  const [, id, hex] = form1.exec(first) ?? []
  if (id !== undefined && hex !== undefined && rest.length === 0) {
    return { id, bytes: Buffer.from(hex, 'hex'), installationId: undefined, requiresMacs: false }
  }
  return /^khroot\d+$/.test(first)
    ? 'is in a form that this version of Keyhold does not know: run the version that wrote it'
    : `is neither in the form "khroot1:<id>:<key>" nor in the form "khroot2": ${putBack}`
}

function parseRing(lines: readonly string[]): RootKeyText | string {
  if (lines.at(-1) !== 'end')
    return `does not end with the line "end", so a part of it is missing: ${putBack}`
  const said = new Map<string, string>()
  for (const [index, line] of lines.slice(0, -1).entries()) {
    const [, word = '', value = ''] = /^([a-z-]+) (.+)$/.exec(line) ?? []
    if (!words.has(word)) {
      return `says something in line ${index + 2} that this version of Keyhold does not know: run the version that wrote it, or ${putBack}`
    }
    if (said.has(word)) return `says "${word}" twice: ${putBack}`
    said.set(word, value)
  }
  const installationId = said.get('installation') ?? ''
  const [, id, hex] = entry.exec(said.get('current') ?? '') ?? []
  if (!uuid.test(installationId)) return `names no installation, or not in its form: ${putBack}`
  // "required" is all that there is. A file that leaves it out must not be a way to take it back.
  if (said.get('macs') !== 'required') return `does not say "macs required": ${putBack}`
  if (id === undefined || hex === undefined) return `has no current root key, or not in its form: ${putBack}`
  return { id, bytes: Buffer.from(hex, 'hex'), installationId, requiresMacs: true }
}

const words = new Set(['installation', 'macs', 'current'])

/** The text of a root key file of form 2. A file of form 1 is never written any more. */
export function rootKeyText({
  id,
  bytes,
  installationId,
}: Pick<RootKeyText, 'id' | 'bytes'> & { installationId: string }): string {
  return [
    'khroot2',
    `installation ${installationId}`,
    'macs required',
    `current ${id} ${bytes.toString('hex')}`,
    'end',
    '',
  ].join('\n')
}
